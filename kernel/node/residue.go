package node

import (
	"fmt"
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/migrate/wire"
	"motile/proc"
)

// Copy on reference (Accent: Zayas, SOSP 1987): processes leave without some of their
// pages, and their old node gives them away as they are asked for. What it keeps is a
// residue, no process: nothing of it runs, it has no address, and it changes no more. It
// belongs to the move, and ends when the target wants nothing more of it, or has been restarted.

// residue is the memory that processes have left here.
type residue struct {
	id     wire.MoveID
	key    [16]byte
	target int
	boot   uint64 // of the target
	spaces []*vm.Space
	seq    uint32
}

// keepResidue keeps the memory of a set when it is committed to the target, which asks for it
// before the first thread can run there.
func (s *source) keepResidue() {
	if s.report.Left == 0 || s.flush != nil {
		return
	}
	r := &residue{id: s.id, key: s.key, target: s.target, boot: s.boot}
	for _, p := range s.set {
		p.Space.Retain()
		r.spaces = append(r.spaces, p.Space)
	}
	s.n.residues[s.id.Nr] = r
}

// dropResidue: the set is lost with the target, or goes on here.
func (s *source) dropResidue() {
	s.flush.drop()
	if r := s.n.residues[s.id.Nr]; r != nil {
		r.drop(s.n)
	}
}

// drop gives the memory back.
func (r *residue) drop(n *Node) {
	delete(n.residues, r.id.Nr)
	for _, space := range r.spaces {
		space.Release()
	}
}

// residuesRebooted: who has been restarted wants nothing any more.
func (n *Node) residuesRebooted(node int, boot uint64) {
	for _, r := range n.residues { // order does not matter: they have nothing in common
		if r.target == node && r.boot == boot {
			r.drop(n)
		}
	}
}

// gotPull answers for pages that processes have left here.
func (n *Node) gotPull(q *rpc.Incoming) {
	var p wire.Pull
	if !n.parse(q, &p) {
		return
	}
	r := n.residues[p.Move.Nr]
	switch {
	case r == nil || r.id != p.Move:
		n.reply(q, std.NotFound, nil)
	case len(p.Pages) == 0:
		r.drop(n)
		n.reply(q, std.OK, nil)
	case len(p.Pages) > wire.PagesMost:
		n.reply(q, std.ArgBad, nil)
	default:
		n.reply(q, std.OK, r.pages(p.Pages))
	}
}

// pages are the contents of the pages named, as a message of the page stream.
func (r *residue) pages(words []uint64) []byte {
	var m wire.PageBatch
	for _, word := range words {
		i, addr := wire.Private(word)
		if i >= len(r.spaces) || wire.Same(word) || wire.Run(word) {
			continue
		}
		frame := r.spaces[i].Frame(addr)
		switch {
		case frame == 0:
		case isZero(hw.Page(frame)):
			m.AddRun(word, 1, wire.Gone, 0)
		default:
			m.Add(word, hw.Page(frame))
		}
	}
	r.seq++
	return m.Encode(make([]byte, 0, m.Len()), r.id, r.seq, 0, &r.key)
}

// leaving is which private pages of a frozen set the target has to do without for a while.
type leaving struct {
	along *along // pages that go along
	clean bool   // those that were written since they came here go along too
}

// leaves is what the strategy leaves; nil: nothing.
func (s *source) leaves() *leaving {
	if !s.strategy.leaves() {
		return nil
	}
	s.report.LeftOn = fmt.Sprintf("node %d", s.n.Number)
	return &leaving{s.set.urgent(), s.strategy == dirty}
}

// stays reports whether a page does.
func (l *leaving) stays(process int, r vm.PageRef) bool {
	return !l.along.has(process, r) && !(l.clean && r.Dirty)
}

// from is the pages from r on that stay, as r does.
func (l *leaving) from(space *vm.Space, process int, r vm.PageRef) vm.Run {
	end := uint64(abi.UserTop)
	if next := *l.along; len(next) > 0 {
		if i, addr := wire.Private(next[0]); i == process {
			end = addr
		}
	}
	return space.RunFrom(r.Addr, end, l.clean)
}

// along is pages, by their words and in their order, that go along with a set in any case.
type along []uint64

func (s set) urgent() *along {
	var a along
	for i, p := range s {
		for addr := range urgent(p) {
			a = append(a, wire.PrivateWord(s.spaceOf(i), addr&^(vm.PageBytes-1)))
		}
	}
	slices.Sort(a)
	return &a
}

// has reports whether a page is among them. Pages are asked for in order: what comes before
// one is not asked for again.
func (a *along) has(process int, r vm.PageRef) bool {
	word := wire.PrivateWord(process, r.Addr)
	for len(*a) > 0 && (*a)[0] < word {
		*a = (*a)[1:]
	}
	return len(*a) > 0 && (*a)[0] == word
}

// urgent are addresses in pages that a process needs as soon as it runs: the code, the stack
// and the thread's own memory; and those that its transactions read, for which it
// does not run itself.
func urgent(p *proc.Process) func(yield func(addr uint64) bool) {
	return func(yield func(addr uint64) bool) {
		for _, t := range p.Threads {
			f := t.Frame
			for _, addr := range []uint64{f.IP, f.SP, f.SP + vm.PageBytes, f.FSBase} {
				if !yield(addr) {
					return
				}
			}
		}
		for _, r := range of(p).inUse() {
			for addr := r[0] &^ (vm.PageBytes - 1); addr < r[1]; addr += vm.PageBytes {
				if !yield(addr) {
					return
				}
			}
		}
	}
}
