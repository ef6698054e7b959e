package object

import "motile/kernel/abi"

// Reopener is an Impl of which a new description can be made by way of one that is
// open: through /proc/self/fd, or as /dev/tty.
type Reopener interface {
	// Again opens it once more; flags are open(2)'s.
	Again(flags int) (Impl, int)
}

// Again opens what f is open on once more. What neither counts its descriptions nor has
// a state of its own is simply shared.
func Again(f *File, flags int) (Impl, int) {
	if flags&OPath != 0 {
		return nil, abi.ENXIO // such a description has no end that could be counted
	}
	if r, ok := f.Impl.(*Remote); ok && r.Socket != nil {
		return nil, abi.ENXIO // sockets have no second description
	}
	switch impl := f.Impl.(type) {
	case Reopener:
		return impl.Again(flags)
	case Null, Zero, Full, Random, *TTY:
		return impl, 0
	}
	return nil, abi.ENXIO
}

// SameTerminal reports whether two descriptions are of one terminal.
func SameTerminal(f, g *File) bool {
	r, far := f.Impl.(*Remote)
	s, both := g.Impl.(*Remote)
	if far && both {
		return r.Addr == s.Addr && r.Service == s.Service
	}
	return f.Impl == g.Impl // of a pseudo-terminal too: each end is one
}

// Again implements Reopener: another reading or writing end.
func (p *Pipe) Again(flags int) (Impl, int) {
	if mode := flags & OAccMode; mode != OWronly {
		p.readers++
		p.came[reading]++
	}
	if mode := flags & OAccMode; mode != ORdonly {
		p.writers++
		p.came[writing]++
	}
	return p, 0
}

// Again implements Reopener: it is another reference of this node to the same thing.
func (r *Remote) Again(int) (Impl, int) {
	c := &Remote{Addr: r.Addr, Service: r.Service, Mode: r.Mode, Rdev: r.Rdev, Terminal: r.Terminal, Counted: r.Counted,
		Seekable: r.Seekable, Residual: r.Residual, Timer: r.Timer, Wall: r.Wall, Home: r.Home}
	r.Adopt(c)
	return c, 0
}
