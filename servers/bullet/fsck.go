package bullet

import (
	"fmt"
	"strings"

	"motile/ipc/std"
)

// maxComplaints bounds what a report lists.
const maxComplaints = 50

// report is what was found wrong.
type report struct {
	wrong int
	text  strings.Builder
}

func (r *report) add(format string, args ...any) {
	if r.wrong++; r.wrong <= maxComplaints {
		fmt.Fprintf(&r.text, format+"\n", args...)
	}
}

// Fsck looks at all that is on the disk, while files are made and removed: whether each
// file's contents and inode are what they were, and each block is one file's or free.
func (s *Store) Fsck() (wrong int, text string, st std.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.settle(); st != std.OK {
		return 0, "", st
	}
	r := new(report)
	s.checkSuper(r)
	s.checkSpace(r)
	checked, bytes := 0, uint64(0)
	for number := 0; number < len(s.files); number++ { // it grows meanwhile
		f := s.files[number]
		if f == nil || f.open || f.gone || f.record == (inode{}) {
			continue
		}
		checked++
		bytes += f.size
		s.checkFile(r, f)
	}
	if r.wrong == 0 {
		fmt.Fprintf(&r.text, "%d files, %d bytes: all whole\n", checked, bytes)
	} else {
		fmt.Fprintf(&r.text, "%d files, %d bytes: %d things are wrong\n", checked, bytes, r.wrong)
	}
	return r.wrong, r.text.String(), std.OK
}

func (s *Store) checkSuper(r *report) {
	p := make([]byte, blockSize)
	for _, block := range []uint64{0, s.sb.blocks - 1} {
		s.mu.Unlock()
		err := s.disk.Read(block, p)
		s.mu.Lock()
		if err != nil {
			r.add("block %d: %v", block, err)
			continue
		}
		if sb, _, err := decodeSuper(p, s.sb.blocks); err != nil || sb != s.sb {
			r.add("the superblock in block %d is damaged", block)
		}
	}
}

// checkSpace looks at whom each block belongs to.
func (s *Store) checkSpace(r *report) {
	at, used := s.sb.data, uint64(0)
	for _, f := range s.byPlace() {
		if f.ext.start < at {
			r.add("file %d has blocks in common with others, from %d on", f.number, f.ext.start)
		}
		at = max(at, f.ext.end())
		used += f.ext.n
	}
	for _, free := range s.space.runs {
		used += free.n
	}
	if most := s.sb.blocks - 1 - s.sb.data; used > most {
		r.add("%d blocks are in use or free, and there are %d", used, most)
	}
}

// checkFile looks at one file's inode and contents. It leaves mu meanwhile.
func (s *Store) checkFile(r *report, f *file) {
	for s.leading { // inodes are being written
		s.changed.Wait()
	}
	e, want := s.pin(f), f.record
	moving := want.start != e.start // its inode on the disk is another, as yet
	block, at := place(f.number)
	p := make([]byte, blockSize)
	s.mu.Unlock()
	err := s.disk.Read(block, p)
	sound := s.whole(e, f.size, f.sum)
	s.mu.Lock()
	s.unpin(e)
	in, used, _ := s.sb.decodeInode(p[at:], f.number)
	switch {
	case f.gone || f.record != want || moving:
		// it changed while we looked
	case err != nil:
		r.add("file %d: its inode cannot be read: %v", f.number, err)
	case !used || in != want:
		r.add("file %d: its inode on the disk is not the one in memory", f.number)
	}
	if !sound && !f.gone {
		r.add("file %d: its %d bytes are not what was written", f.number, f.size)
	}
}
