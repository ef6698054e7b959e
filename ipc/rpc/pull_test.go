package rpc

import (
	"bytes"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// buffers is the memory of a program: what its calls read and write.
type buffers struct {
	load, store []byte
	bad         bool
}

func (b *buffers) Load(_ uint32, _ Kind, offset uint32, p []byte) bool {
	return !b.bad && len(b.load) >= int(offset)+len(p) && copy(p, b.load[offset:]) == len(p)
}

func (b *buffers) Store(_ uint32, _ Kind, offset uint32, p []byte) bool {
	return !b.bad && len(b.store) >= int(offset)+len(p) && copy(b.store[offset:], p) == len(p)
}

func fill(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i) + seed
	}
	return b
}

// longRig is a client and a server with a long request and a long reply.
type longRig struct {
	*rig
	client, server *Endpoint
	mine, its      *buffers
}

const longRequest, longReply = 3<<20 + 17, 2<<20 + 1

// newLongRig puts the server on machine at. The client is on machine 0.
func newLongRig(t *testing.T, at int) *longRig {
	r := &longRig{rig: newRig(t, 2)}
	r.mine = &buffers{load: fill(longRequest, 1), store: make([]byte, longReply)}
	r.its = &buffers{load: fill(longReply, 2), store: make([]byte, longRequest)}
	r.client = r.machines[0].Open(r.now, Options{Owner: r.mine})
	r.server = r.machines[at].Open(r.now, Options{Owner: r.its})
	return r
}

func (r *longRig) on(ep *Endpoint) *Machine {
	for _, m := range r.machines {
		if m.Has(ep) {
			return m
		}
	}
	return nil
}

func (r *longRig) ask(tr Transaction) {
	tr.Header = testHeader()
	if s := r.on(r.client).Transact(r.now, r.client, 0, &tr); s != Wait {
		r.t.Fatal(s)
	}
}

func (r *longRig) getreq(room uint32) {
	if s := r.on(r.server).GetReqInto(r.now, r.server, 0, testGet, room); s != Wait {
		r.t.Fatal(s)
	}
}

func TestLong_BothWays(t *testing.T) {
	for at := range 2 {
		r := newLongRig(t, at)
		r.getreq(longRequest)
		r.ask(Transaction{Size: longRequest, Room: longReply})
		r.run(second)
		if e := r.take(KindGetReq); e.Status != std.OK || e.Size != longRequest || !bytes.Equal(r.its.store, r.mine.load) {
			t.Fatalf("server on %d: getreq ended with %v, %d bytes", at, e.Status, e.Size)
		}
		if s := r.on(r.server).PutRepFrom(r.now, r.server, 0, testHeader(), longReply); s != Wait {
			t.Fatal(s)
		}
		r.run(second)
		if e := r.take(KindTrans); e.Status != std.OK || e.Size != longReply || !bytes.Equal(r.mine.store, r.its.load) {
			t.Fatalf("server on %d: trans ended with %v, %d bytes", at, e.Status, e.Size)
		}
		if e := r.take(KindPutRep); e.Status != std.OK {
			t.Errorf("putrep ended with %v", e.Status)
		}
		for i, m := range r.machines {
			checkMachine(t, m)
			if m.pulled != 0 {
				t.Errorf("machine %d has %d bytes in buffers", i, m.pulled)
			}
		}
	}
}

// Each end of the other side's neglect, and of memory that is not there.
func TestLong_Ends(t *testing.T) {
	for name, test := range map[string]struct {
		room          uint32
		spoil         func(r *longRig)
		getreq, trans std.Status // 0: none
		inReply       bool       // trans says it in the reply's header
	}{
		"request too long": {longRequest - 1, nil, std.Overflow, std.Overflow, true},
		"no room at all":   {0, nil, std.Overflow, std.Overflow, true},
		"client's memory":  {longRequest, func(r *longRig) { r.mine.bad = true }, 0, std.RPCBadAddress, false},
		"server's memory":  {longRequest, func(r *longRig) { r.its.bad = true }, std.RPCBadAddress, std.RPCNotFound, false},
	} {
		r := newLongRig(t, 1)
		r.getreq(test.room)
		if test.spoil != nil {
			test.spoil(r)
		}
		r.ask(Transaction{Size: longRequest, Patience: second})
		r.run(20 * second)
		e := r.take(KindTrans)
		status := e.Status
		if test.inReply && status == std.OK {
			status = e.Header.Status()
		}
		if status != test.trans {
			t.Errorf("%s: trans ended with %v, want %v", name, status, test.trans)
		}
		if test.getreq != 0 {
			if e := r.take(KindGetReq); e.Status != test.getreq {
				t.Errorf("%s: getreq ended with %v, want %v", name, e.Status, test.getreq)
			}
		} else if len(r.ends) != 0 || r.server.servers[0].phase != waiting {
			t.Errorf("%s: getreq does not wait on: %+v", name, r.ends)
		}
		checkMachine(t, r.machines[1])
	}
}

func TestLong_ReplyTooLong(t *testing.T) {
	r := newLongRig(t, 1)
	r.getreq(0)
	r.ask(Transaction{Room: longReply - 1})
	r.take(KindGetReq)
	r.machines[1].PutRepFrom(r.now, r.server, 0, testHeader(), longReply)
	r.run(second)
	if e := r.take(KindTrans); e.Status != std.Overflow {
		t.Errorf("trans ended with %v", e.Status)
	}
	if e := r.take(KindPutRep); e.Status != std.Overflow {
		t.Errorf("putrep ended with %v", e.Status)
	}
}

// A client that dies while its request is pulled: it was not executed, and the
// thread waits for another one.
func TestLong_ClientDiesInTheMiddle(t *testing.T) {
	for name, die := range map[string]func(r *longRig){
		"thread":  func(r *longRig) { r.machines[0].Forget(r.now, r.client, 0) },
		"process": func(r *longRig) { r.machines[0].Close(r.now, r.client) },
		"node":    func(r *longRig) { r.machines[0] = benchMachines(3)[2] },
	} {
		r := newLongRig(t, 1)
		r.getreq(longRequest)
		r.ask(Transaction{Size: longRequest})
		parts := 0
		r.drop = func(_ int, s Summary) bool {
			if s.Type == Part {
				parts++
			}
			return parts > 6
		}
		r.exchange()
		if r.server.servers[0].phase != taking {
			t.Fatal("not in the middle of it")
		}
		r.drop = nil
		die(r)
		r.run(12 * second)
		if len(r.ends) != 0 || r.server.servers[0].phase != waiting {
			t.Errorf("%s: the thread is in phase %d, %d calls ended", name, r.server.servers[0].phase, len(r.ends))
		}
		other := r.machines[0].Open(r.now, Options{})
		r.machines[0].Trans(r.now, other, 0, flip.Address{}, testHeader(), nil, 0)
		r.run(second)
		r.take(KindGetReq)
	}
}

// A server that dies while its reply is pulled leaves nothing to repeat.
func TestLong_ServerDiesInTheMiddle(t *testing.T) {
	for name, die := range map[string]func(r *longRig){
		"thread":  func(r *longRig) { r.machines[1].Forget(r.now, r.server, 0) },
		"process": func(r *longRig) { r.machines[1].Close(r.now, r.server) },
		"node":    func(r *longRig) { r.machines[1] = benchMachines(3)[2] },
	} {
		r := newLongRig(t, 1)
		r.getreq(0)
		r.ask(Transaction{Room: longReply})
		r.take(KindGetReq)
		parts := 0
		r.drop = func(_ int, s Summary) bool {
			if s.Type == Part {
				parts++
			}
			return parts > 6
		}
		r.machines[1].PutRepFrom(r.now, r.server, 0, testHeader(), longReply)
		r.exchange()
		if r.client.clients[0].phase != fetching {
			t.Fatal("not in the middle of it")
		}
		r.drop = nil
		die(r)
		r.run(20 * second)
		if e := r.take(KindTrans); e.Status != std.RPCFailure {
			t.Errorf("%s: trans ended with %v", name, e.Status)
		}
	}
}

// The parts being sent of all messages together are bounded.
func TestLong_BuffersAreBounded(t *testing.T) {
	r := newLongRig(t, 1)
	m := r.machines[0]
	m.cfg.PullBytes = 256 << 10
	for slot := range uint32(6) {
		r.machines[1].GetReqInto(r.now, r.server, slot, testGet, longRequest)
		m.Transact(r.now, r.client, slot, &Transaction{Header: testHeader(), Size: longRequest, Room: 1})
	}
	for range 6 {
		for len(r.ends) == 0 {
			r.run(100 * millisecond)
			if m.pulled > m.cfg.PullBytes {
				t.Fatalf("%d bytes in buffers", m.pulled)
			}
			if r.now > 100*second {
				t.Fatal("no end")
			}
		}
		if e := r.take(KindGetReq); e.Size != longRequest {
			t.Errorf("%v, %d bytes", e.Status, e.Size)
		}
	}
}

// A receiver asks for the parts of its window that are missing, in runs.
func TestInflow_AsksForWhatIsMissing(t *testing.T) {
	f := inflow{size: 1050, part: 100}
	take := func() (runs []pull) {
		for {
			p, ok := f.next()
			if !ok {
				return runs
			}
			runs = append(runs, p)
		}
	}
	same := func(what string, got []pull, want ...pull) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
	}
	part := func(i uint32) *pull { return &pull{i * 100, f.end(i) - i*100, 100} }
	same("at first", take(), pull{0, 400, 100})
	f.took(part(1))
	f.took(part(3))
	same("nothing has moved", take())
	f.asked = 0
	same("again", take(), pull{0, 100, 100}, pull{200, 100, 100})
	f.took(part(0))
	same("the window moves by two", take(), pull{400, 200, 100})
	if f.fits(part(3), 100) || f.fits(part(6), 100) || !f.fits(part(2), 100) || f.fits(&pull{200, 99, 100}, 99) {
		t.Error("wrong about what fits")
	}
	for i := range uint32(11) {
		if i >= f.base && !f.has(i) {
			f.took(part(i))
		}
	}
	if !f.done() || f.end(10) != 1050 {
		t.Errorf("%+v", f)
	}
}

func TestForward_ToPortAndAddress(t *testing.T) {
	otherGet := capability.Port{8}
	for name, nodes := range map[string][3]int{"apart": {0, 1, 2}, "together": {0, 0, 0}, "first here": {0, 0, 1}, "second here": {0, 1, 0}} {
		for _, byAddress := range []bool{false, true} {
			for _, long := range []bool{false, true} {
				r := newRig(t, 3)
				mem := &buffers{load: fill(longRequest, 1), store: make([]byte, longRequest)}
				open := func(i int) (*Machine, *Endpoint) {
					m := r.machines[nodes[i]]
					return m, m.Open(r.now, Options{Owner: mem})
				}
				cm, client := open(0)
				fm, first := open(1)
				sm, second := open(2)
				fm.GetReqInto(r.now, first, 0, testGet, longRequest)
				sm.GetReqInto(r.now, second, 0, otherGet, longRequest)
				tr := Transaction{Header: testHeader(), Data: mem.load[:5000]}
				if long {
					tr.Data, tr.Size = nil, longRequest
				}
				cm.Transact(r.now, client, 0, &tr)
				r.run(100 * millisecond)
				r.take(KindGetReq)
				var to flip.Address
				if byAddress {
					to = second.Address()
				}
				if s := fm.Forward(r.now, first, 0, otherGet.Put(), to); s != std.OK {
					t.Fatal(s)
				}
				r.run(100 * millisecond)
				e := r.take(KindGetReq)
				if e.Endpoint != second || e.Client != client.Address() || e.Header.Port != otherGet.Put() ||
					!long && !bytes.Equal(e.Data, tr.Data) || long && e.Size != longRequest {
					t.Errorf("%s: %+v, %d bytes", name, e.Header, len(e.Data))
				}
				sm.PutRep(r.now, second, 0, &std.Header{Extra: 9}, nil)
				r.run(100 * millisecond)
				if e := r.take(KindTrans); e.Status != std.OK || e.Header.Extra != 9 {
					t.Errorf("%s: ended with %v", name, e.Status)
				}
				if s := fm.Forward(r.now, first, 0, otherGet.Put(), to); s != std.RPCBadPort {
					t.Errorf("%s: forwarded twice: %v", name, s)
				}
				for _, m := range r.machines {
					checkMachine(t, m)
				}
			}
		}
	}
}

// Servers that send a request round and round do not keep its client for ever.
func TestForward_InACircle(t *testing.T) {
	for at := range 2 {
		r := newRig(t, 2)
		client, server := r.machines[0].Open(r.now, Options{}), r.machines[at].Open(r.now, Options{})
		m := r.machines[at]
		m.GetReq(r.now, server, 0, testGet)
		r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), []byte("x"), 0)
		for i := 0; ; i++ {
			r.run(50 * millisecond)
			if len(r.ends) == 1 && r.ends[0].Kind == KindTrans {
				if r.ends[0].Status != std.RPCNotFound || i < maxForwards {
					t.Errorf("ended with %v after %d times", r.ends[0].Status, i)
				}
				break
			}
			r.take(KindGetReq)
			m.Forward(r.now, server, 0, testGet.Put(), flip.Address{})
			m.GetReq(r.now, server, 0, testGet)
		}
	}
}

func TestDeadline(t *testing.T) {
	for at := range 2 {
		for _, serve := range []bool{false, true} {
			r := newRig(t, 2)
			client, server := r.machines[0].Open(r.now, Options{}), r.machines[at].Open(r.now, Options{})
			if serve {
				r.machines[at].GetReq(r.now, server, 0, testGet)
			}
			begun := r.now
			r.machines[0].Transact(r.now, client, 0, &Transaction{Header: testHeader(), Deadline: 300 * millisecond})
			r.run(299 * millisecond)
			if serve {
				r.take(KindGetReq)
			}
			if len(r.ends) != 0 {
				t.Fatalf("ended early: %v", r.ends[0].Status)
			}
			r.run(2 * millisecond)
			want := std.RPCNotFound
			if serve {
				want = std.RPCFailure
			}
			if e := r.take(KindTrans); e.Status != want {
				t.Errorf("server on %d: ended with %v after %d", at, e.Status, r.now-begun)
			}
			if signals := r.signals; serve && signals != 1 {
				t.Errorf("server on %d: %d signals", at, signals)
			}
			// The next one has none.
			r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 2*second)
			r.run(second)
			if len(r.ends) != 0 {
				t.Errorf("ended with %v", r.ends[0].Status)
			}
		}
	}
}

// A deadline moves as what is left of it.
func TestDeadline_Moves(t *testing.T) {
	r := newRig(t, 2)
	m := r.machines[0]
	client := m.Open(r.now, Options{})
	m.Transact(r.now, client, 0, &Transaction{Header: testHeader(), Deadline: 300 * millisecond})
	r.run(100 * millisecond)
	m.Freeze(r.now, client)
	r.run(second)
	st, _ := m.Export(client)
	if d := st.Clients[0].Deadline; d != 200*millisecond {
		t.Fatalf("%d left", d)
	}
	there := r.machines[1].Import(r.now, nil, st)
	r.run(second)
	r.machines[1].Activate(r.now, there)
	m.Remove(r.now, client)
	r.run(199 * millisecond)
	if len(r.ends) != 0 {
		t.Fatal("ended early")
	}
	r.run(2 * millisecond)
	if e := r.take(KindTrans); e.Status != std.RPCNotFound {
		t.Errorf("ended with %v", e.Status)
	}
}
