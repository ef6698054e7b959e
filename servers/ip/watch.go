package ip

import (
	"sync"
	"time"

	"motile/ipc/sockio"
	"motile/ipc/std"
)

// always are the events that every watch is for.
const always = 0x8 | 0x10 // POLLERR, POLLHUP

// dirtyList has the sockets of which something may have changed. Who finds that out is in
// the middle of something, with locks held: so the socket only goes on a list.
type dirtyList struct {
	mu   sync.Mutex
	list []*socket
	on   map[*socket]bool
	wake chan struct{}
}

func (d *dirtyList) add(k *socket) {
	d.mu.Lock()
	if d.on == nil {
		d.on = make(map[*socket]bool)
	}
	if !d.on[k] {
		d.on[k] = true
		d.list = append(d.list, k)
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *dirtyList) take() []*socket {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.list
	d.list = nil
	clear(d.on)
	return list
}

// notify looks at sockets of which something may have changed, for ever.
func (s *Server) notify() {
	for range s.dirty.wake {
		for _, k := range s.dirty.take() {
			k.mu.Lock()
			k.tell()
			k.mu.Unlock()
		}
	}
}

// watch has a node told when one of the events holds. Preconditions: k.mu is held.
func (k *socket) watch(c sockio.Caller, events uint32) {
	if k.watchers == nil {
		k.watchers = make(map[uint32]uint32)
	}
	k.watchers[c.Node] |= events | always
	k.countWatched()
	k.server.expect(c)
	if k.end.events()&k.watchers[c.Node] != 0 { // by now
		k.server.dirty.add(k)
	}
}

// countWatched: from now on somebody looks at the socket if one of these events may hold.
func (k *socket) countWatched() {
	all := uint32(0)
	for _, mask := range k.watchers {
		all |= mask
	}
	k.watched.Store(all)
}

// tell tells the nodes that wait for what holds now. Preconditions: k.mu is held.
func (k *socket) tell() {
	if len(k.watchers) == 0 || k.closed {
		return
	}
	st := k.state()
	for node, mask := range k.watchers {
		got := uint32(st.Events) & mask
		if got == 0 {
			continue
		}
		if mask &^= got; mask&^always == 0 {
			delete(k.watchers, node)
		} else {
			k.watchers[node] = mask
		}
		k.countWatched()
		k.server.tell(node, sockio.Event{Object: k.number, Events: got, Seq: st.Seq})
	}
}

// peer is a node that has sockets open.
type peer struct {
	boot    uint64
	pending []sockio.Event // that it has not been told
	waiting chan bool      // its Wait; true ends it because there is a newer one
	heard   time.Time      // of the last sign of life
}

// expect notes a node of which there is no Wait yet: it is under way.
func (s *Server) expect(c sockio.Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[c.Node] == nil {
		s.peer(c)
	}
}

// tell adds an event to what a node is told.
func (s *Server) tell(node uint32, e sockio.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[node]
	if p == nil {
		return
	}
	for i := range p.pending {
		if x := &p.pending[i]; x.Object == e.Object {
			x.Events, x.Seq = x.Events|e.Events, e.Seq
			return
		}
	}
	p.pending = append(p.pending, e)
	p.end(false)
}

// end ends a node's Wait, if there is one.
func (p *peer) end(newer bool) {
	if p.waiting != nil {
		p.waiting <- newer // it has room
		p.waiting = nil
	}
}

// waitMost is after what time a Wait is answered in any case: the node asks again, and is
// known to live.
const waitMost = 10 * time.Second

// maxEvents is how many events one answer has.
const maxEvents = 2048

// wait is a node's Wait.
func (s *Server) wait(h *std.Header, data []byte) []byte {
	caller, _, ok := sockio.DecodeCaller(data)
	if !ok {
		h.SetStatus(std.ArgBad)
		return nil
	}
	s.mu.Lock()
	p := s.peer(caller)
	p.end(true)
	if len(p.pending) == 0 {
		ch := make(chan bool, 1)
		p.waiting = ch
		s.mu.Unlock()
		late := time.NewTimer(waitMost)
		newer := false
		select {
		case newer = <-ch:
		case <-late.C:
		}
		late.Stop()
		if newer {
			h.SetStatus(std.NotNow)
			return nil
		}
		s.mu.Lock()
		if p.waiting == ch {
			p.waiting = nil
		}
	}
	defer s.mu.Unlock()
	p.heard = s.now()
	n := min(len(p.pending), maxEvents)
	var out []byte
	for _, e := range p.pending[:n] {
		out = e.Append(out)
	}
	p.pending = append([]sockio.Event(nil), p.pending[n:]...)
	return out
}
