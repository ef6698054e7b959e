package linuxtest

import (
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/proc"
)

// Absence is where processes find their memory. Unless it is Here, every private page of a
// process is taken away before each of its system calls, before a call that waited is
// looked at again, and before each fault: as if it had been moved just then, by a strategy
// that leaves memory behind. It comes back page by page, as the kernel asks for it. No
// test may notice.
type Absence int

const (
	Here   Absence = iota
	AtOnce         // a page is there when the kernel has asked for it
	Later          // it comes when no thread can run
	never          // it comes when the test says so, and goes when it says so
)

// Memory is the Absence of new benches.
var Memory Absence

// elsewhere is the memory that was taken away. Each page gets an origin of its own, so that
// what is late, or for a page that has moved, is told.
type elsewhere struct {
	pages  map[uint64]*[vm.PageBytes]byte // by origin
	last   uint64
	asked  []page
	midway map[*proc.Thread]bool // they wait for a page, or are about to find it
}

// page is one that the kernel has asked for.
type page struct {
	space *vm.Space
	addr  uint64
}

// Stay keeps the memory of the bench's processes where it is: for tests that count page
// frames.
func (b *Bench) Stay() { b.memory = Here }

// Withhold leaves it to the test which memory is away, and until when.
func (b *Bench) Withhold() { b.memory = never }

// TakeAway takes some of th's pages away.
func (th *Thread) TakeAway(pages ...uint64) {
	th.b.Helper()
	for _, addr := range pages {
		addr &^= vm.PageBytes - 1
		s := th.Process().Space
		content := *hw.Page(s.Frame(addr))
		s.Discard(addr, vm.PageBytes)
		th.b.away.last += vm.PageBytes
		if origin := th.b.away.last; s.SetAway(addr, origin) {
			th.b.away.pages[origin] = &content
			continue
		}
		th.b.Fatalf("page %#x cannot be away", addr)
	}
}

// Bring lets the page of addr arrive.
func (b *Bench) Bring(th *Thread, addr uint64) {
	b.Helper()
	b.bring(th.Process().Space, addr)
	b.settle()
}

// takeAway takes the private memory of th's process.
func (b *Bench) takeAway(t *proc.Thread) {
	s := t.Process().Space
	if b.memory == Here || b.memory == never || s == nil || b.away.midway[t] {
		return
	}
	var refs [64]vm.PageRef
	for from, more := uint64(0), true; more; {
		n, next := s.PagesFrom(from, refs[:])
		for _, ref := range refs[:n] {
			if !ref.Store {
				b.thread(t).TakeAway(ref.Addr)
			}
		}
		from, more = next, next != 0
	}
}

// fetch is Kernel.Fetch.
func (b *Bench) fetch(p *proc.Process, addr uint64) {
	switch {
	case b.memory == never:
	case b.memory == Later && !b.Paused:
		b.away.asked = append(b.away.asked, page{p.Space, addr})
	default:
		b.bring(p.Space, addr)
	}
}

// bring lets the page of addr arrive, if it is away.
func (b *Bench) bring(s *vm.Space, addr uint64) {
	addr &^= vm.PageBytes - 1
	origin, away := s.IsAway(addr)
	if !away {
		return
	}
	if ok, mem := s.Arrive(addr, origin, b.away.pages[origin]); !ok || !mem {
		b.Fatalf("page %#x, from %#x, cannot arrive: it is away: %v; memory: %v", addr, origin, ok, mem)
	}
	delete(b.away.pages, origin)
}

// deliver lets the page arrive that was asked for first. It reports false if there is none.
func (b *Bench) deliver() bool {
	if len(b.away.asked) == 0 {
		return false
	}
	next := b.away.asked[0]
	b.away.asked = b.away.asked[1:]
	b.bring(next.space, next.addr)
	return true
}

// looked is called when the kernel has had its turn with t.
func (b *Bench) looked(t *proc.Thread) {
	switch {
	case b.memory == Here, t.Process().Stopped(), t.Process().Frozen():
		return
	case t.AwaitsPage():
		b.away.midway[t] = true
		return
	}
	delete(b.away.midway, t)
	if s := t.Process().Space; s != nil {
		if addr, wanted := s.Wanted(); wanted {
			b.Errorf("call %d could not read page %#x, and has ended: %v", t.Call.Nr, addr, b.thread(t).Result())
		}
	}
}
