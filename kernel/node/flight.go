package node

import (
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/wire"
	"motile/proc/api"
)

// The flight recorder: what the last moves from and to this node did, and when. It is
// always on, so it has its memory from the start, and writes a line of a table for a step
// and another one for a message. Moves of objects without a process are not in it.
//
// A ring of package trace would not do: a panic prints that, all nodes have the same few
// kinds of events in it, and a second of system calls washes a move out of it.

const (
	flightMoves    = 64
	flightSteps    = 48
	flightMessages = 2048 // of all moves together: some 120 MB of pages
)

// flights is the recorder of a node.
type flights struct {
	now      func() int64
	moves    [flightMoves]flightRecord
	begun    uint64 // moves ever
	messages [flightMessages]flightMessage
	written  uint64 // messages ever
	count    flightCount
}

// flightRecord is one move, as one end of it saw it.
type flightRecord struct {
	nr      uint64 // of this node's records, from 1; 0: none
	id      wire.MoveID
	out     bool // from here
	peer    int
	pids    []int32
	command string
	outcome string // "": under way
	why     string
	began   int64
	ended   int64 // when the last thing was written

	steps  [flightSteps]flightStep
	n      int       // steps written; the last place has the newest
	rounds int       // of precopying that have been noted
	asked  [8]uint32 // messages by command, MoveOffer first
}

// flightStep is something that a move's machine heard or wanted done, or that was noted
// beside it.
type flightStep struct {
	at    int64
	what  flightWhat
	state uint8 // of the machine, after it
	a, b  int64 // figures; flightWhat says what they are
}

// flightMessage is a transaction of a move: at its source from the request to the answer,
// at its target from when the request was heard until it was answered.
type flightMessage struct {
	move    uint64 // flightRecord.nr
	command uint32
	seq     uint32 // among those of its command: the same at both ends
	bytes   uint32
	at      int64
	over    int64 // 0: it was not answered
}

// flight is how a move writes: the zero one writes nothing, and so does one whose
// record another move has taken over.
type flight struct {
	f   *flights
	nr  uint64
	out bool
}

func (f *flights) begin(id wire.MoveID, out bool, peer int, pids []int32, command string) flight {
	f.begun++
	f.moves[f.begun%flightMoves] = flightRecord{nr: f.begun, id: id, out: out, peer: peer, pids: slices.Clone(pids), command: command, began: f.now()}
	f.count.begun[direction(out)]++
	return flight{f, f.begun, out}
}

// record is nil if there is none any more.
func (l flight) record() *flightRecord {
	if l.f == nil || l.f.moves[l.nr%flightMoves].nr != l.nr {
		return nil
	}
	return &l.f.moves[l.nr%flightMoves]
}

// step writes a step. A move that goes on and on, because nobody answers, keeps its first
// steps and the newest one.
func (l flight) step(what flightWhat, state uint8, a, b int64) {
	r := l.record()
	if r == nil {
		return
	}
	r.ended = l.f.now()
	r.steps[min(r.n, flightSteps-1)] = flightStep{r.ended, what, state, a, b}
	r.n++
}

// end says how it came out, once. A move is counted also if its record is gone: many leave
// a node at one time.
func (l flight) end(outcome, why string) {
	if l.f != nil {
		l.f.count.ended(l.out, outcome)
	}
	if r := l.record(); r != nil {
		r.outcome, r.why = outcome, why
	}
}

// mark is a message that is not answered yet.
type mark struct {
	f  *flights
	nr uint64
}

// message writes that one was sent, or came.
func (l flight) message(command uint32, bytes int) mark {
	r := l.record()
	if r == nil {
		return mark{}
	}
	i := (command - api.MoveOffer) % uint32(len(r.asked))
	r.asked[i]++
	return l.messageAs(command, r.asked[i]-1, bytes)
}

// messageAs is message of one whose number it says itself.
func (l flight) messageAs(command, seq uint32, bytes int) mark {
	if l.record() == nil {
		return mark{}
	}
	f := l.f
	f.messages[f.written%flightMessages] = flightMessage{move: l.nr, command: command, seq: seq, bytes: uint32(bytes), at: f.now()}
	f.written++
	return mark{f, f.written - 1}
}

// answered ends it.
func (m mark) answered() {
	if m.f != nil && m.f.written-m.nr <= flightMessages {
		m.f.messages[m.nr%flightMessages].over = m.f.now()
	}
}

// asked writes that a request of the source's goes out; its answer gets to done.
func (l flight) asked(command uint32, bytes int, done func(*rpc.Complete)) func(*rpc.Complete) {
	m := l.message(command, bytes)
	return func(c *rpc.Complete) {
		if c.Status == std.OK {
			m.answered()
		}
		done(c)
	}
}

// trace is what was recorded of the moves of a process, oldest first; pid 0: of all.
// brief leaves steps and messages out.
func (f *flights) trace(pid int32, brief bool) (out []api.MoveTrace) {
	for nr := max(f.begun, flightMoves) - flightMoves + 1; nr <= f.begun; nr++ {
		r := &f.moves[nr%flightMoves]
		if pid != 0 && !slices.Contains(r.pids, pid) {
			continue
		}
		m := api.MoveTrace{Boot: r.id.Boot, Nr: r.id.Nr, Out: r.out, Peer: r.peer, PIDs: r.pids, Command: r.command,
			Outcome: r.outcome, Why: r.why, BeganNs: r.began, EndedNs: max(r.ended, r.began)}
		if !brief {
			r.tell(&m)
			f.tellMessages(r, &m)
		}
		out = append(out, m)
	}
	return out
}

func (r *flightRecord) tell(m *api.MoveTrace) {
	for _, s := range r.steps[:min(r.n, flightSteps)] {
		m.Steps = append(m.Steps, api.TraceStep{AtNs: s.at, What: s.what.String(), Effect: s.what.effect(),
			State: s.what.state(s.state), Figures: s.figures()})
	}
	m.StepsLost = max(r.n-flightSteps, 0)
}

func (f *flights) tellMessages(r *flightRecord, m *api.MoveTrace) {
	for i := max(f.written, flightMessages) - flightMessages; i < f.written; i++ {
		if g := &f.messages[i%flightMessages]; g.move == r.nr {
			m.Messages = append(m.Messages, api.TraceMessage{Command: g.command, Seq: g.seq, Bytes: g.bytes, AtNs: g.at, OverNs: g.over})
		}
	}
}
