package sim

import (
	"bytes"
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/group"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// A process can be a member of one group. Its membership has an address of its own,
// and takes each step of a move together with the endpoint.

// Grouped is a Program that makes calls of a group.
type Grouped interface {
	GroupCompleted(p *Process, e *group.Complete)
}

// performGroups gives the group machine what the box has for it, and the programs the
// ends of their calls.
func (n *Node) performGroups() {
	now := n.cluster.Now
	for i := range n.delivers {
		n.groups.Deliver(now, &n.delivers[i])
	}
	for i := range n.lost {
		n.groups.NotDelivered(now, &n.lost[i])
	}
	for i := range n.ended {
		if p, ok := n.ended[i].Member.Owner.(*Process); ok {
			p.groupCompleted(&n.ended[i])
		}
	}
}

// member returns the membership of the copy that runs, or ran last; nil if there is
// none.
func (p *Process) member() *group.Member { return p.node.members[p.ep] }

func (p *Process) setMember(mb *group.Member) {
	if mb == nil {
		delete(p.node.members, p.ep)
		return
	}
	p.node.members[p.ep] = mb
	p.cluster.addresses[mb.Address()] = p.Name
}

func (p *Process) groupCompleted(e *group.Complete) {
	c := p.cluster
	switch {
	case !p.Alive || e.Member != p.member() && e.Member.Phase() == "closed":
		return // nobody waits any more
	case p.Frozen || e.Member != p.member():
		c.violated("%s: a call of its group completed while it is frozen", p.Name)
		return
	case e.Kind == group.KindLeave || e.Kind == group.KindJoin && e.Status != std.OK:
		p.setMember(nil)
	}
	p.program.(Grouped).GroupCompleted(p, e)
}

// The calls of a thread.

func (p *Process) identity() group.Identity {
	return group.Identity{Owner: p, Server: p.ep.Address()}
}

func (p *Process) CreateGroup(port capability.Port, params group.Params) std.Status {
	mb, s := p.node.groups.Create(p.cluster.Now, p.identity(), port, params)
	p.setMember(mb)
	p.cluster.tracef("%s: creates the group: %v", p.Name, s)
	return s
}

func (p *Process) JoinGroup(slot uint32, port capability.Port) std.Status {
	p.cluster.tracef("%s: joins", p.Name)
	mb, s := p.node.groups.Join(p.cluster.Now, p.identity(), slot, port)
	p.setMember(mb)
	return s
}

func (p *Process) LeaveGroup(slot uint32) std.Status {
	p.cluster.tracef("%s: leaves", p.Name)
	s := p.node.groups.Leave(p.cluster.Now, p.member(), slot)
	if s == std.OK {
		p.setMember(nil)
	}
	return s
}

// Abandon ends a membership, in good order if that is possible, and waits for nothing.
func (p *Process) Abandon() {
	if mb := p.member(); mb != nil {
		p.setMember(nil)
		p.node.groups.Abandon(p.cluster.Now, mb)
	}
}

func (p *Process) SendGroup(slot uint32, h *std.Header, data []byte) std.Status {
	p.cluster.tracef("%s: sends message %d", p.Name, h.Object)
	return p.node.groups.Send(p.cluster.Now, p.member(), slot, h, data)
}

func (p *Process) ReceiveGroup(slot uint32, room int) std.Status {
	return p.node.groups.Receive(p.cluster.Now, p.member(), slot, room)
}

func (p *Process) ResetGroup(slot uint32, nmin int) std.Status {
	p.cluster.tracef("%s: resets the group", p.Name)
	return p.node.groups.ResetGroup(p.cluster.Now, p.member(), slot, nmin)
}

// GroupInfo describes the group as the process sees it. It must be a member.
func (p *Process) GroupInfo() group.Info { return p.member().Info() }

// Steps of a move.

func (p *Process) exportMember() []byte {
	mb := p.member()
	if mb == nil {
		return nil
	}
	st, ok := p.node.groups.Export(mb)
	if !ok {
		p.cluster.violated("%s: its membership was not exported", p.Name)
		return nil
	}
	encoded := st.Append(nil)
	again, err := group.DecodeState(encoded)
	if err != nil || !bytes.Equal(again.Append(nil), encoded) {
		p.cluster.violated("%s: the state of its membership changes by decoding", p.Name)
	}
	return encoded
}

func (p *Process) importMember(to *Node, ep *rpc.Endpoint, state []byte) {
	if len(state) == 0 {
		return
	}
	st, err := group.DecodeState(state)
	if err != nil {
		p.cluster.violated("%s: %v", p.Name, err)
		return
	}
	if mb := to.groups.Import(p.cluster.Now, p, st); mb != nil {
		to.members[ep] = mb
	} else {
		p.cluster.violated("%s: its membership was not imported", p.Name)
	}
}

// groupSummary is a message of a group, for the trace.
func groupSummary(s *group.Summary) string {
	text := s.Type.String()
	add := func(format string, args ...any) { text += fmt.Sprintf(format, args...) }
	switch s.Type {
	case group.Bcast:
		add(" %d, %s %d of %d", s.Seqno, s.Kind, s.MessID, s.Origin)
		if s.Accept {
			add(" accept")
		}
		add(", safe %d", s.Got)
	case group.BcastReq:
		add(" %s %d of %d", s.Kind, s.MessID, s.Index)
	case group.Sync:
		add(" %d, safe %d", s.Seqno, s.Got)
		if s.Ask {
			add(" ask")
		}
	case group.Retrans:
		add(" from %d", s.Seqno)
	case group.State, group.Ack, group.Vote:
		add(" got %d", s.Got)
	case group.Hold:
		if s.Go {
			add(" go")
		}
	case group.Dead:
		if s.Out {
			add(" out")
		}
	}
	return text
}
