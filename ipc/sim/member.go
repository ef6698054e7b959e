package sim

import (
	"bytes"
	"fmt"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/group"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// Member is a program that belongs to a group: one thread receives all the time,
// others send. When the view ends it has a new one made of at least Nmin members;
// when the group has gone on without it, it joins anew.
//
//	message  Object  number of the message in the journal
//	         Extra   length of the data
type Member struct {
	Port    capability.Port // the group's secret
	Params  group.Params    // used by the first member, which creates the group
	Nmin    int
	Journal *Journal
	Pause   func() int64 // before a join or a reset is tried again
	Next    func(thread int) (ok bool, think int64, size int)
	Threads int

	diary  *diary
	state  membership
	failed int  // joins or resets, one after the other
	due    bool // a reset is about to be tried

	sending  []uint64 // the message under way, by thread
	thinking int      // threads that are about to send
	idle     []bool   // threads that wait for a view
}

type membership uint8

const (
	outside   membership = iota // or joining
	inside                      // in a view, as far as it knows
	viewEnded                   // until there is a new one
	gone                        // for good
)

// Slots of a member's calls; senders have those from slotSend on.
const (
	slotJoin uint32 = iota + 1
	slotReceive
	slotReset
	slotLeave
	slotSend
)

// maxFailed is how many joins or resets fail, one after the other, before a member
// gives up: its group is lost.
const maxFailed = 10

// Start creates the group, if nobody has yet, or joins it.
func (m *Member) Start(p *Process) {
	m.sending, m.idle = make([]uint64, m.Threads), make([]bool, m.Threads)
	for i := range m.idle {
		m.idle[i] = true
	}
	p.Do(func() {
		if m.Journal.created {
			m.join(p)
			return
		}
		m.Journal.created = true
		if s := p.CreateGroup(m.Port, m.Params); s != std.OK {
			p.cluster.violated("%s: the group was not created: %v", p.Name, s)
			return
		}
		m.entered(p)
	})
}

// Gone reports whether the member has given up, or left.
func (m *Member) Gone() bool { return m.state == gone }

// Settled reports whether the member has nothing to do: it is in a view and has all, or
// has given up.
func (m *Member) Settled() bool {
	return !m.Busy() && (m.state == gone || m.state == inside && m.diary.last >= m.Journal.Last)
}

// String says where the member is.
func (m *Member) String() string {
	where := [...]string{"outside", "inside", "without a view", "gone"}[m.state]
	last := uint64(0)
	if m.diary != nil {
		last = m.diary.last
	}
	return fmt.Sprintf("%s, has received up to number %d of %d, %d failures", where, last, m.Journal.Last, m.failed)
}

// Busy reports whether a message is being sent, or is about to be.
func (m *Member) Busy() bool {
	return m.thinking > 0 || slices.ContainsFunc(m.sending, func(id uint64) bool { return id != 0 })
}

// Leave ends the membership, and the program.
func (m *Member) Leave(p *Process) {
	if m.state == inside {
		m.state = gone
		p.LeaveGroup(slotLeave)
	}
	m.giveUp(p)
}

func (m *Member) giveUp(p *Process) {
	if m.state != gone {
		m.state = gone
		p.cluster.tracef("%s: gives up", p.Name)
		p.Abandon()
		for i, id := range m.sending {
			if id != 0 { // nobody will know
				m.ended(p, i, std.BCAbort, 0)
			}
		}
	}
}

func (m *Member) join(p *Process) {
	if s := p.JoinGroup(slotJoin, m.Port); s != group.Wait {
		p.cluster.violated("%s: join: %v", p.Name, s)
	}
}

// entered follows a join.
func (m *Member) entered(p *Process) {
	m.diary = m.Journal.open(p.Name, p.GroupInfo().Expect-1)
	m.enterView(p)
}

// enterView takes up what rested while there was no view.
func (m *Member) enterView(p *Process) {
	m.state, m.failed = inside, 0
	m.receive(p)
	for i, idle := range m.idle {
		if idle {
			m.idle[i] = false
			m.next(p, i)
		}
	}
}

func (m *Member) receive(p *Process) {
	if s := p.ReceiveGroup(slotReceive, 1<<20); s != group.Wait {
		p.cluster.violated("%s: receive: %v", p.Name, s)
	}
}

// next lets a thread think and then send its next message.
func (m *Member) next(p *Process, thread int) {
	if m.state != inside {
		m.idle[thread] = m.state != gone
		return
	}
	ok, think, size := m.Next(thread)
	if !ok {
		return
	}
	m.thinking++
	p.Sleep(think, func() {
		m.thinking--
		m.Send(p, thread, size)
	})
}

// Send sends one message.
func (m *Member) Send(p *Process, thread int, size int) {
	if m.state == gone {
		return
	}
	id := m.Journal.begin()
	m.sending[thread] = id
	if m.state != inside {
		m.ended(p, thread, std.BCAbort, 0)
		return
	}
	h := std.Header{Object: id, Extra: uint32(size)}
	if s := p.SendGroup(slotSend+uint32(thread), &h, Pattern(id, size)); s != group.Wait {
		m.ended(p, thread, s, 0)
	}
}

// ended follows the end of a send.
func (m *Member) ended(p *Process, thread int, s std.Status, seqno uint64) {
	id := m.sending[thread]
	m.sending[thread] = 0
	m.Journal.end(p.Name, id, s, seqno)
	m.check(p, s)
	m.next(p, thread)
}

// GroupCompleted implements Grouped.
func (m *Member) GroupCompleted(p *Process, e *group.Complete) {
	if m.state == gone {
		return
	}
	switch e.Kind {
	case group.KindJoin:
		p.cluster.tracef("%s: join done: %v", p.Name, e.Status)
		if e.Status == std.OK {
			m.entered(p)
		} else {
			m.again(p, m.join)
		}
	case group.KindReceive:
		if e.Status != std.OK {
			m.check(p, e.Status)
			return
		}
		m.got(p, e)
		m.receive(p)
	case group.KindSend:
		thread := int(e.Slot - slotSend)
		p.cluster.tracef("%s: send of message %d done: %v", p.Name, m.sending[thread], e.Status)
		m.ended(p, thread, e.Status, e.Seqno)
	case group.KindReset:
		p.cluster.tracef("%s: reset done: %v, %d members", p.Name, e.Status, e.Total)
		if e.Status == std.OK && m.state == viewEnded {
			m.enterView(p)
		} else if m.state == viewEnded && p.member().Phase() != "out" {
			m.again(p, m.reset)
		} else {
			m.check(p, e.Status)
		}
	}
}

func (m *Member) got(p *Process, e *group.Complete) {
	p.cluster.tracef("%s: receives number %d, message %d", p.Name, e.Seqno, e.Header.Object)
	if int(e.Header.Extra) != len(e.Data) || !bytes.Equal(e.Data, Pattern(e.Header.Object, len(e.Data))) {
		p.cluster.violated("%s: message %d is damaged", p.Name, e.Header.Object)
	}
	m.Journal.received(m.diary, e.Seqno, e.Header.Object)
}

// check looks whether a call has ended with the view, or with the membership.
func (m *Member) check(p *Process, s std.Status) {
	switch {
	case s == std.BCAbort && m.state == inside:
		p.cluster.tracef("%s: the view has ended", p.Name)
		m.state = viewEnded
		m.again(p, m.reset)
	case s == std.BCFail && (m.state == inside || m.state == viewEnded):
		p.cluster.tracef("%s: is out of the group", p.Name)
		m.state = outside
		p.Abandon()
		for i, id := range m.sending {
			if id != 0 {
				m.ended(p, i, s, 0)
			}
		}
		m.again(p, m.join)
	}
}

// again tries something after a while, but not for ever.
func (m *Member) again(p *Process, try func(*Process)) {
	if m.failed++; m.failed > maxFailed {
		m.giveUp(p)
		return
	}
	if m.due {
		return
	}
	m.due = true
	p.Sleep(int64(m.failed)*m.Pause(), func() {
		m.due = false
		if m.state == outside || m.state == viewEnded {
			try(p)
		}
	})
}

// reset has a new view made, unless somebody has done it.
func (m *Member) reset(p *Process) {
	if p.GroupInfo().Running {
		m.enterView(p)
		return
	}
	switch s := p.ResetGroup(slotReset, m.Nmin); s {
	case group.Wait:
	case std.BCFail:
		m.check(p, s)
	default:
		p.cluster.violated("%s: reset: %v", p.Name, s)
	}
}

// Completed implements Program.
func (m *Member) Completed(*Process, *rpc.Complete) {}

// Incoming implements Program.
func (m *Member) Incoming(*Process, *rpc.Incoming) {}

// Signalled implements Program.
func (m *Member) Signalled(*Process, *rpc.Signal) {}

// Moved implements Program.
func (m *Member) Moved(*Process) {}
