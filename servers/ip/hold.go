package ip

import (
	"time"

	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// holder is a node as a socket knows it. One that has let go is remembered while others
// hold it: what it said before may still be under way.
type holder struct {
	boot uint64
	seq  uint64
	held bool
}

// hold is what a node says: a process there has the socket open now, or none has any more.
// Preconditions: k.mu is held.
func (k *socket) hold(q, h *std.Header, data []byte) {
	var r api.HolderRequest
	if image.Unmarshal(data, &r) != nil || r.Node < 1 {
		h.SetStatus(std.ArgBad)
		return
	}
	node := uint32(r.Node)
	k.server.expect(sockio.Caller{Node: node, Boot: r.Boot})
	x := k.holders[node]
	if x.boot == r.Boot && r.Seq <= x.seq {
		return
	}
	if k.holders == nil {
		k.holders = make(map[uint32]holder)
	}
	k.holders[node] = holder{boot: r.Boot, seq: r.Seq, held: q.Command == api.ObjectAcquire}
	if q.Command == api.ObjectRelease {
		delete(k.watchers, node)
		k.countWatched()
		k.closeUnused()
	}
}

// closeUnused closes a socket that nobody holds any more. Preconditions: k.mu is held.
func (k *socket) closeUnused() {
	for _, x := range k.holders {
		if x.held {
			return
		}
	}
	k.close()
}

// close ends the socket; what is to be sent still is. Preconditions: k.mu is held.
func (k *socket) close() {
	if k.closed {
		return
	}
	k.closed = true
	k.end.close()
	k.server.mu.Lock()
	delete(k.server.sockets, k.number)
	k.server.mu.Unlock()
}

// peer returns the entry of a node at one of its boots. Preconditions: s.mu is held.
func (s *Server) peer(c sockio.Caller) *peer {
	p := s.peers[c.Node]
	if p == nil || p.boot != c.Boot {
		if p != nil {
			p.end(true)
		}
		p = &peer{boot: c.Boot}
		s.peers[c.Node] = p
	}
	p.heard = s.now()
	return p
}

// A node that has lost power says nothing. One that lives asks for events again and again.
const (
	silence   = time.Minute // then its processes are gone, and what they had open is closed
	unclaimed = time.Minute // a socket that nobody has claimed is closed
	lookEvery = 10 * time.Second
)

// watchPeers looks for nodes that are silent, for ever.
func (s *Server) watchPeers() {
	for range time.Tick(lookEvery) {
		s.look()
	}
}

// look closes what only nodes have open that are not there, or have been started again
// since.
func (s *Server) look() {
	now := s.now()
	s.mu.Lock()
	boots := make(map[uint32]uint64)
	for node, p := range s.peers {
		if p.waiting == nil && now.Sub(p.heard) > silence {
			delete(s.peers, node)
			s.log("ipd: node %d is silent: what it had open is closed", node)
			continue
		}
		boots[node] = p.boot
	}
	var all []*socket
	for _, k := range s.sockets {
		all = append(all, k)
	}
	s.mu.Unlock()
	for _, k := range all {
		k.mu.Lock()
		lost := false
		for node, x := range k.holders {
			if x.held && boots[node] != x.boot && now.Sub(k.born) > unclaimed {
				x.held, lost = false, true
				k.holders[node] = x
			}
		}
		if lost || len(k.holders) == 0 && now.Sub(k.born) > unclaimed {
			k.closeUnused()
		}
		k.mu.Unlock()
	}
}
