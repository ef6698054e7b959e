package object

import (
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Epoll interest flags beyond Events (epoll_ctl(2)).
const (
	EpollExclusive = 1 << 28
	EpollOneshot   = 1 << 30
	EpollET        = 1 << 31
)

// Interest is one file an epoll set watches.
type Interest struct {
	FD     int32
	File   *File // not a reference: closing the last descriptor ends the interest
	Events uint32
	Data   uint64

	set    *Epoll
	who    Signals // whose signals a signalfd shows
	waiter wait.Waiter
	listed bool      // on the ready list
	next   *Interest // on the ready list
}

// Epoll is an epoll set (epoll(7)). Interests are kept in the order they came,
// ready ones in the order they became ready.
type Epoll struct {
	stream
	Interests  []*Interest
	head, tail *Interest // ready list
	Who        Signals   // on whose behalf interests are added
	queue      wait.Queue
}

func (e *Epoll) Queue() *wait.Queue { return &e.queue }

func (e *Epoll) Stat() Stat { return Stat{Mode: 0o600, Nlink: 1} }

func (e *Epoll) find(fd int32, f *File) int {
	for i, in := range e.Interests {
		if in.FD == fd && in.File == f {
			return i
		}
	}
	return -1
}

// Add is EPOLL_CTL_ADD.
func (e *Epoll) Add(fd int32, f *File, events uint32, data uint64) int {
	if e.find(fd, f) >= 0 {
		return abi.EEXIST
	}
	q := f.Seen(e.Who).Queue()
	if q == nil {
		return abi.EPERM // regular files and directories
	}
	if inner, ok := f.Impl.(*Epoll); ok && (inner == e || !e.mayWatch(inner)) {
		return abi.ELOOP
	}
	in := &Interest{FD: fd, File: f, Events: events | uint32(Always), Data: data, set: e, who: e.Who}
	in.waiter.Owner = in
	e.Interests = append(e.Interests, in)
	q.Add(&in.waiter)
	f.watched(in)
	in.check()
	in.watch()
	return 0
}

// watch asks an object elsewhere to tell when the interest becomes ready.
func (in *Interest) watch() {
	if d, ok := in.File.Impl.(Distant); ok && !in.listed {
		d.Watch(Events(in.Events) & (In | Out | Pri | RdNorm | WrNorm | RdHup))
	}
}

// Watch has every interest that is not ready looked after: before a wait.
func (e *Epoll) Watch() {
	for _, in := range e.Interests {
		in.watch()
	}
}

// Restore puts back an interest that moved here. An edge that was reported
// already is not reported again; one that was not, is.
func (e *Epoll) Restore(fd int32, f *File, events uint32, data uint64, listed bool) {
	q := f.Seen(e.Who).Queue()
	if q == nil {
		return
	}
	if inner, ok := f.Impl.(*Epoll); ok && (inner == e || !e.mayWatch(inner)) {
		return // no set was ever like this
	}
	in := &Interest{FD: fd, File: f, Events: events, Data: data, set: e, who: e.Who}
	in.waiter.Owner = in
	e.Interests = append(e.Interests, in)
	q.Add(&in.waiter)
	f.watched(in)
	if listed {
		e.list(in)
	}
	in.watch()
}

// Listed reports whether the interest is on the ready list.
func (in *Interest) Listed() bool { return in.listed }

// maxNested is how many sets may watch each other in a row.
const maxNested = 5

// mayWatch reports whether e may watch the set x: that makes no ring, and no row of
// sets that is too long.
func (e *Epoll) mayWatch(x *Epoll) bool {
	down := x.depth(func(s *Epoll, visit func(*Epoll)) {
		for _, in := range s.Interests {
			if inner, ok := in.File.Impl.(*Epoll); ok {
				visit(inner)
			}
		}
	}, map[*Epoll]int{e: maxNested})
	up := e.depth(func(s *Epoll, visit func(*Epoll)) {
		for w := s.queue.First(); w != nil; w = w.Next() {
			if in, ok := w.Owner.(*Interest); ok {
				visit(in.set)
			}
		}
	}, map[*Epoll]int{x: maxNested})
	return down+up <= maxNested
}

// depth is the length of the longest row of sets that begins with e. known has what
// was found out already; a set that counts as too deep there stands for a ring.
func (e *Epoll) depth(each func(s *Epoll, visit func(*Epoll)), known map[*Epoll]int) int {
	if d, ok := known[e]; ok {
		return d
	}
	most := 0
	each(e, func(s *Epoll) { most = max(most, s.depth(each, known)) })
	known[e] = most + 1
	return most + 1
}

// Modify is EPOLL_CTL_MOD.
func (e *Epoll) Modify(fd int32, f *File, events uint32, data uint64) int {
	i := e.find(fd, f)
	if i < 0 {
		return abi.ENOENT
	}
	in := e.Interests[i]
	in.Events, in.Data = events|uint32(Always), data
	in.check()
	in.watch()
	return 0
}

// Delete is EPOLL_CTL_DEL.
func (e *Epoll) Delete(fd int32, f *File) int {
	i := e.find(fd, f)
	if i < 0 {
		return abi.ENOENT
	}
	e.Interests[i].drop()
	return 0
}

// drop ends an interest.
func (in *Interest) drop() {
	e := in.set
	in.waiter.Remove()
	in.File.unwatched(in)
	for i, x := range e.Interests {
		if x == in {
			e.Interests = append(e.Interests[:i], e.Interests[i+1:]...)
			break
		}
	}
	if in.listed {
		e.unlist(in)
	}
}

func (e *Epoll) unlist(in *Interest) {
	for p := &e.head; *p != nil; p = &(*p).next {
		if *p == in {
			*p = in.next
			break
		}
	}
	e.tail = nil
	for x := e.head; x != nil; x = x.next {
		e.tail = x
	}
	in.listed, in.next = false, nil
}

// Wake is called by the watched object. What the interest did not ask for must
// not make it ready again: an edge is one kind of event.
func (in *Interest) Wake(_ *wait.Waiter, events uint32) {
	if events&(in.Events|uint32(Always)) != 0 {
		in.check()
	}
}

// check puts an interest on the ready list if its file is ready.
func (in *Interest) check() {
	if in.listed || in.ready() == 0 {
		return
	}
	in.set.list(in)
	in.set.queue.Wake(uint32(In | RdNorm))
}

// list appends an interest to the ready list.
func (e *Epoll) list(in *Interest) {
	in.listed, in.next = true, nil
	if e.tail != nil {
		e.tail.next = in
	} else {
		e.head = in
	}
	e.tail = in
}

func (in *Interest) ready() Events {
	const flags = EpollExclusive | EpollOneshot | EpollET
	if in.Events&^flags == 0 {
		return 0 // disarmed by EPOLLONESHOT
	}
	return in.File.Seen(in.who).Ready(in.File) & (Events(in.Events&^flags)&^Joined | Always)
}

// Collect takes up to max ready events, in order, and calls f for each.
// Level-triggered interests that are still ready go to the end of the list.
func (e *Epoll) Collect(max int, f func(events Events, data uint64) bool) (n int) {
	var again []*Interest
	for n < max && e.head != nil {
		in := e.head
		if e.head = in.next; e.head == nil {
			e.tail = nil
		}
		in.listed, in.next = false, nil
		r := in.ready()
		if r == 0 {
			continue
		}
		if !f(r, in.Data) {
			again = append(again, in)
			break
		}
		n++
		switch {
		case in.Events&EpollOneshot != 0:
			in.Events &= EpollOneshot | EpollET | EpollExclusive
		case in.Events&EpollET == 0:
			again = append(again, in)
		}
	}
	for _, in := range again {
		e.list(in)
	}
	return n
}

// Ready looks at the ready list. What is not ready any more leaves it, so that sets
// that watch a set in many ways do not look at it again and again.
func (e *Epoll) Ready(*File) Events {
	for e.head != nil {
		in := e.head
		if in.ready() != 0 {
			return In | RdNorm
		}
		if e.head == in {
			e.unlist(in)
			in.watch()
		}
	}
	return 0
}

func (e *Epoll) Close(*File) {
	for len(e.Interests) > 0 {
		e.Interests[0].drop()
	}
}
