package image

import (
	"runtime"
	"testing"
)

// A megabyte of the shortest CBOR that could be a list of threads, or of lists of
// calls below them, does not become a hundred megabytes of memory.
func TestUnmarshal_CostsNoMoreThanWhatCame(t *testing.T) {
	const n = 20000
	many := func(key byte) []byte {
		b := append([]byte{0xa1, key, 0x99, n >> 8, n & 255}, make([]byte, n)...)
		for i := range n {
			b[5+i] = 0xa0
		}
		return b
	}
	nested := []byte{0xa1, 5, 0x98, 40} // 40 threads, each with many calls below it
	for range 40 {
		nested = append(nested, many(9)...)
	}
	for name, b := range map[string][]byte{"threads": many(5), "below": nested} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var p Process
		err := Unmarshal(b, &p)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(8*len(b)+1<<16) {
			t.Errorf("%s: %d bytes became %d", name, len(b), used)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	p := Process{PID: 5, Parent: 1, PGID: 5, SID: 5, Cwd: "/", TTY: -1, Log: -1, NextIndex: 1,
		Threads: Threads{{TID: 5, FX: make([]byte, fxSize), Below: Suspendeds{{}}}}}
	b, err := Marshal(&p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Process
		if Unmarshal(b, &p) == nil {
			_ = p.Check(nil)
		}
	})
}

func TestCheck_RefusesWhatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(*Process){
		"a slot beyond all":      func(p *Process) { p.Threads[0].Call = &Call{Slot: 1 << 30} },
		"a server slot":          func(p *Process) { p.Threads[0].Server = 1 << 31 },
		"somebody else's server": func(p *Process) { p.Threads[0].Call = &Call{Slot: 1<<31 | 3} },
		"more done than there is": func(p *Process) {
			p.Threads[0].Call = &Call{Done: 1 << 63}
		},
		"a timer that runs backwards": func(p *Process) { p.Timers[1].Period = -1 },
		"a timer without end":         func(p *Process) { p.Timers[0].Left = 1<<63 - 1 },
		"an offset before the start":  func(p *Process) { p.Files = []File{{Kind: KindDir, Path: "/", Offset: -1}} },
		"memory beyond all bounds":    func(p *Process) { p.Stores = []Store{{Size: 1 << 62}} },
	} {
		p := Process{PID: 5, Parent: 1, PGID: 5, SID: 5, Cwd: "/", TTY: -1, Log: -1, NextIndex: 1,
			Threads: Threads{{TID: 5, FX: make([]byte, fxSize)}}}
		if err := p.Check(nil); err != nil {
			t.Fatal(err)
		}
		spoil(&p)
		if p.Check(nil) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	p := Process{TTY: -1, Log: -1}
	for name, o := range map[string]Object{
		"log base": {LogBase: -5}, "readers": {Readers: -1}, "writers": {Writers: 1 << 40},
	} {
		if p.checkFiles([]Object{o}) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
