package nodetest

import (
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/proc"
)

// Loose makes memory leave processes while their nodes look at their calls, new or
// waiting: all private pages are away then, and each comes when the kernel asks for it.
// Programs, moves and checkpoints find it where it was. Fetched counts those pages.
var (
	Loose   bool
	Fetched int
)

// absent is a page that was taken away. Its address is its origin.
type absent struct {
	space   *vm.Space
	addr    uint64
	content *[vm.PageBytes]byte
}

// loosen makes a node's memory loose. The dispatcher asks whether it starves before each
// turn: what waits in records is looked at then.
func (nd *Node) loosen() {
	if Loose {
		nd.K.Starving = func() bool {
			for _, p := range nd.Tab.Processes() {
				nd.takeAway(p)
			}
			return false
		}
	}
	nd.K.Fetch = func(p *proc.Process, addr uint64) {
		addr &^= vm.PageBytes - 1
		for i := range nd.away {
			if a := &nd.away[i]; a.space == p.Space && a.addr == addr && a.content != nil {
				Fetched++
				nd.bring(a)
			}
		}
	}
}

func (nd *Node) takeAway(p *proc.Process) {
	s := p.Space
	if !Loose || s == nil || p.Frozen() || p.Moving() {
		return
	}
	var refs [64]vm.PageRef
	for from, more := uint64(0), true; more; {
		n, next := s.PagesFrom(from, refs[:])
		for _, ref := range refs[:n] {
			if ref.Store || nd.inUse(p, ref.Addr) {
				continue
			}
			content := *hw.Page(ref.Frame)
			s.Discard(ref.Addr, vm.PageBytes)
			if s.SetAway(ref.Addr, ref.Addr) {
				nd.away = append(nd.away, absent{s, ref.Addr, &content})
			}
		}
		from, more = next, next != 0
	}
}

// inUse reports whether a transaction under way may read the page: then it stays.
func (nd *Node) inUse(p *proc.Process, addr uint64) bool {
	for _, r := range nd.InUse(p) {
		if addr < r[1] && r[0] < addr+vm.PageBytes {
			return true
		}
	}
	return false
}

// bringBack lets all arrive that is away.
func (nd *Node) bringBack() {
	for i := range nd.away {
		if a := &nd.away[i]; a.content != nil {
			nd.bring(a)
		}
	}
	nd.away = nd.away[:0]
}

// bring lets a page arrive, unless it is not away any more, or where mremap has taken it.
func (nd *Node) bring(a *absent) {
	if ok, _ := a.space.Arrive(a.addr, a.addr, a.content); ok {
		a.content = nil
		return
	}
	for at, origin, ok := a.space.AwayFrom(0); ok; at, origin, ok = a.space.AwayFrom(at + vm.PageBytes) {
		if origin == a.addr {
			a.space.Arrive(at, origin, a.content)
			break
		}
	}
	a.content = nil
}
