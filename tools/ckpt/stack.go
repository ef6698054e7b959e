package main

// executable is a bit of Prot of a region.
const executable = 4

// frame is one of a stack.
type frame struct {
	PC   uint64 `json:"pc"`
	Name string `json:"name"` // with offset, and file and line if known; empty: no symbol
}

// deepest is how many frames are looked at.
const deepest = 64

// stack follows frame pointers, which Go programs keep, and others if they were
// compiled so. A function that has not set up a frame, or never does, such as the one
// that makes system calls, is told from its instructions. What ends it is an address
// where there is no code: in a program without frame pointers that is soon.
func (s *subject) stack(p *program, pc, sp, bp uint64) (frames []frame) {
	frames = append(frames, frame{pc, p.text(pc)})
	if y, ok := p.at(pc); ok && pc-y.Entry < 16<<10 {
		if framed, below := s.frameAt(y.Entry, pc); !framed {
			ret, ok := s.word(sp + below)
			if !ok || !s.isCode(ret) {
				return frames
			}
			frames = append(frames, frame{ret, p.text(ret - 1)})
		}
	}
	for len(frames) < deepest && bp%8 == 0 {
		ret, ok := s.word(bp + 8)
		next, ok2 := s.word(bp)
		if !ok || !ok2 || !s.isCode(ret) {
			break
		}
		frames = append(frames, frame{ret, p.text(ret - 1)})
		if next <= bp {
			break
		}
		bp = next
	}
	return frames
}

func (s *subject) isCode(addr uint64) bool {
	r := s.region(addr)
	return r != nil && r.Prot&executable != 0
}
