package sim

import (
	"encoding/binary"
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/move"
)

// arrival is a move as its target sees it.
type arrival struct {
	k      *kernel
	id     moveID
	p      *Process
	m      move.Target
	age    int
	build  int64
	state  []byte
	ep     *rpc.Endpoint // once it is built
	ready  rpc.Handle    // the PREPARE to answer
	commit rpc.Handle    // the COMMIT to answer
}

// What OFFER carries: which process it is.
func offerData(number int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(number)) }

// What PREPARE carries before the state of the endpoint: the age of the process and
// the time that building it takes.
const prepareHead = 16

func prepareData(age int, build int64, state []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(age))
	return append(binary.BigEndian.AppendUint64(b, uint64(build)), state...)
}

func (k *kernel) gotOffer(id moveID, e *rpc.Incoming) {
	p := k.n.cluster.processes[binary.BigEndian.Uint32(e.Data)]
	if p.hasCopyAt(k.n) {
		k.reply(e.Handle, answerRefused)
		return
	}
	t := &arrival{k: k, id: id, p: p}
	k.arrivals = append(k.arrivals, t)
	t.step(move.Offer)
	k.reply(e.Handle, std.OK)
}

// got takes a message of a move that was accepted.
func (t *arrival) got(command uint32, e *rpc.Incoming) {
	switch command {
	case movePages:
		if t.m.State() != move.Receiving {
			t.k.reply(e.Handle, answerUnknown)
			return
		}
		t.step(move.Heard)
		t.k.reply(e.Handle, std.OK)
	case movePrepare:
		t.ready = e.Handle
		t.age = int(binary.BigEndian.Uint64(e.Data))
		t.build = int64(binary.BigEndian.Uint64(e.Data[8:]))
		t.state = e.Data[prepareHead:]
		t.step(move.Prepare)
	case moveAbort:
		t.step(move.AbortHeard)
		t.k.reply(e.Handle, answerDropped)
	case moveCommit:
		t.commit = e.Handle
		t.step(move.CommitHeard)
	}
}

func (t *arrival) step(ev move.TargetEvent) {
	t.m.Step(t.k.n.cluster.Now, ev)
	t.act()
}

func (t *arrival) act() {
	k, c := t.k, t.k.n.cluster
	for _, e := range slices.Clone(t.m.TakeEffects()) {
		switch e {
		case move.Build:
			k.after(t.build, t.built)
		case move.SendReady:
			k.reply(t.ready, std.OK)
		case move.SendRefused:
			k.reply(t.ready, answerDropped)
		case move.Activate:
			k.arrived[t.id] = true
			t.p.Activate(k.n, t.ep)
			t.end()
		case move.SendCommitted:
			k.reply(t.commit, std.OK)
		case move.Drop:
			if t.ep != nil {
				t.p.Drop(k.n, t.ep)
			}
			t.end()
		case move.AskSource:
			t.ask()
		}
	}
	if at := t.m.NextDeadline(); at != 0 {
		k.after(max(at-c.Now, 0), func() {
			if t.m.NextDeadline() == at {
				t.m.Tick(c.Now)
				t.act()
			}
		})
	}
}

// built ends the time that building took.
func (t *arrival) built() {
	if t.m.State() != move.Building {
		return
	}
	if t.ep = t.p.importAs(t.k.n, t.state, t.age); t.ep == nil {
		t.step(move.BuildFailed)
		return
	}
	t.step(move.Built)
}

func (t *arrival) end() {
	t.k.arrivals = slices.DeleteFunc(t.k.arrivals, func(x *arrival) bool { return x == t })
}

// ask finds out what the source has decided, when its word does not come.
func (t *arrival) ask() {
	h := std.Header{Command: moveStatus, Object: t.id.nr, Offset: t.id.boot, Extra: uint32(t.id.source)}
	t.k.call(t.id.source, h, nil, func(e *rpc.Complete) {
		switch {
		case e.Status != std.OK:
		case e.Header.Offset != t.id.boot:
			t.step(move.SourceLost)
		case e.Header.Status() == answerAborted:
			t.step(move.NotCommitted)
		}
	})
}
