package rpc

import (
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// bench is two machines back to back, with calls that fail the test.
type rig struct {
	t        testing.TB
	now      int64
	machines []*Machine
	drop     func(from int, s Summary) bool
	ends     []Complete
	incoming []Incoming
	signals  int
}

func newRig(t testing.TB, n int) *rig { return &rig{t: t, now: second, machines: benchMachines(n)} }

// exchange carries frames to and fro until there are none.
func (r *rig) exchange() {
	for moved := true; moved; {
		moved = false
		for i, m := range r.machines {
			r.ends = append(r.ends, m.Out.Completes...)
			r.incoming = append(r.incoming, m.Out.Requests...)
			r.signals += len(m.Out.Signals)
			var raw [][]byte
			frames := m.Frames()
			for k := range frames {
				raw = append(raw, append(append([]byte(nil), frames[k].Head()...), frames[k].Body...))
			}
			m.Reset()
			for _, b := range raw {
				var h flip.Header
				payload, _ := flip.Decode(&h, b)
				if s, ok := Summarize(payload); ok && r.drop != nil && r.drop(i, s) {
					continue
				}
				for k, other := range r.machines {
					if k != i {
						other.Input(r.now, 0, b)
					}
				}
				moved = true
			}
		}
	}
}

// run lets time pass.
func (r *rig) run(d int64) {
	for end := r.now + d; ; {
		r.exchange()
		next := Forever
		for _, m := range r.machines {
			next = min(next, m.NextDeadline())
		}
		if next > end {
			r.now = end
			return
		}
		r.now = max(r.now, next)
		for _, m := range r.machines {
			m.Tick(r.now)
		}
	}
}

// take returns the next end of a call.
func (r *rig) take(kind Kind) Complete {
	r.t.Helper()
	r.exchange()
	for i, e := range r.ends {
		if e.Kind == kind {
			r.ends = append(r.ends[:i], r.ends[i+1:]...)
			return e
		}
	}
	r.t.Fatalf("no end of kind %d among %d", kind, len(r.ends))
	return Complete{}
}

var testGet = capability.Port{7}

func testHeader() *std.Header { return &std.Header{Port: testGet.Put()} }

func TestCalls_Refused(t *testing.T) {
	r := newRig(t, 1)
	m := r.machines[0]
	ep := m.Open(r.now, Options{})
	object := m.Open(r.now, Options{Public: flip.Address{9}, Upcall: true})
	null := flip.Address{}
	m.Trans(r.now, ep, 5, null, testHeader(), nil, 0)
	for name, got := range map[string][2]std.Status{
		"null port":           {m.Trans(r.now, ep, 0, null, &std.Header{}, nil, 0), std.RPCBadPort},
		"too long":            {m.Trans(r.now, ep, 0, null, testHeader(), make([]byte, 1<<20), 0), std.Overflow},
		"slot in use":         {m.Trans(r.now, ep, 5, null, testHeader(), nil, 0), std.RPCTryAgain},
		"slot out of bounds":  {m.Trans(r.now, ep, 1<<31, null, testHeader(), nil, 0), std.RPCTryAgain},
		"getreq, null port":   {m.GetReq(r.now, ep, 0, capability.Port{}), std.RPCBadPort},
		"getreq of an object": {m.GetReq(r.now, object, 0, testGet), std.RPCTryAgain},
		"putrep, no request":  {m.PutRep(r.now, ep, 0, testHeader(), nil), std.RPCBadPort},
		"putrep, no slot":     {m.PutRep(r.now, ep, 1<<31, testHeader(), nil), std.RPCBadPort},
		"reply, no request":   {m.Reply(r.now, Handle{}, testHeader(), nil), std.RPCBadPort},
		"listen of a process": {m.Listen(r.now, ep, testGet.Put()), std.RPCBadPort},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", name, got[0], got[1])
		}
	}
	if m.Open(r.now, Options{Public: flip.Address{9}}) != nil {
		t.Error("one address, two endpoints")
	}
	m.Freeze(r.now, ep)
	if st := m.Trans(r.now, ep, 0, null, testHeader(), nil, 0); st != std.RPCTryAgain {
		t.Errorf("trans of a frozen endpoint: %v", st)
	}
}

func TestLocal_DataIsHandedOver(t *testing.T) {
	r := newRig(t, 1)
	m := r.machines[0]
	client, server := m.Open(r.now, Options{}), m.Open(r.now, Options{})
	m.GetReq(r.now, server, 0, testGet)
	request, reply := []byte("request"), []byte("reply")
	m.Trans(r.now, client, 0, flip.Address{}, testHeader(), request, 0)
	if e := r.take(KindGetReq); &e.Data[0] != &request[0] || e.Client != client.Address() {
		t.Error("the request was copied, or has lost its client")
	}
	m.PutRep(r.now, server, 0, testHeader(), reply)
	if e := r.take(KindTrans); &e.Data[0] != &reply[0] {
		t.Error("the reply was copied")
	}
}

func TestGetReq_OldestClientFirst(t *testing.T) {
	r := newRig(t, 1)
	m := r.machines[0]
	client, server := m.Open(r.now, Options{}), m.Open(r.now, Options{})
	for slot := range uint32(3) {
		h := testHeader()
		h.Object = uint64(slot)
		m.Trans(r.now, client, slot, flip.Address{}, h, nil, 0)
	}
	for want := range uint64(3) {
		m.GetReq(r.now, server, 0, testGet)
		if e := r.take(KindGetReq); e.Header.Object != want {
			t.Errorf("got the request of slot %d, want %d", e.Header.Object, want)
		}
		m.PutRep(r.now, server, 0, testHeader(), nil)
	}
}

func TestPutRep_BlocksWhenTooMuchIsUnderWay(t *testing.T) {
	r := newRig(t, 2)
	client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
	r.machines[1].cfg.ReplyBytes = 150_000
	r.drop = func(_ int, s Summary) bool { return s.Type == Ack }
	for slot := range uint32(2) {
		r.machines[1].GetReq(r.now, server, slot, testGet)
		r.machines[0].Trans(r.now, client, slot, flip.Address{}, testHeader(), nil, 0)
		r.take(KindGetReq)
	}
	first := r.machines[1].PutRep(r.now, server, 0, testHeader(), make([]byte, 100_000))
	r.exchange()
	other := r.machines[1].PutRep(r.now, server, 1, testHeader(), make([]byte, 100_000))
	r.exchange()
	if first != std.OK || other != Wait {
		t.Errorf("putreps returned %v, %v", first, other)
	}
	r.drop = nil
	r.run(second)
	if e := r.take(KindPutRep); e.Slot != 1 || e.Status != std.OK {
		t.Errorf("putrep ended with %+v", e)
	}
	if server.replyBytes != 0 {
		t.Errorf("%d bytes accounted", server.replyBytes)
	}
}

// A request that was executed and then forgotten is not executed again, however
// late its copy comes, even if its client is not known any more.
func TestHorizon_GuardsWhatWasForgotten(t *testing.T) {
	r := newRig(t, 2)
	client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
	r.machines[1].GetReq(r.now, server, 0, testGet)
	r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
	r.take(KindGetReq)
	firstSent := r.now
	r.machines[1].PutRep(r.now, server, 0, testHeader(), nil)
	r.take(KindTrans)
	r.run(70 * second)
	if server.rows.n != 0 {
		t.Fatalf("%d rows after a minute", server.rows.n)
	}
	r.machines[1].GetReq(r.now, server, 0, testGet)
	copyOf := func(firstSent int64, flags uint8) {
		h := head{typ: Request, flags: flags, tid: 1, age: ageOf(r.now - firstSent)}
		var b [requestLen]byte
		h.put(b[:])
		testHeader().PutWire((*[std.HeaderLen]byte)(b[headLen:]))
		r.machines[0].box.Unicast(r.now, &flip.Send{Src: client.addr, Dst: server.addr, Proto: flip.ProtoRPC, Header: b[:]})
		r.exchange()
	}
	copyOf(firstSent, flagRetrans)
	if len(r.ends) != 0 || r.machines[1].Stats.FailsOut != 1 {
		t.Errorf("%d requests delivered, %d FAILs", len(r.ends), r.machines[1].Stats.FailsOut)
	}
	copyOf(r.now-3*second, flagRetrans) // its first copy was lost, not forgotten
	r.take(KindGetReq)
}

// An endpoint whose address was served before fails what was asked then.
func TestHorizon_OfRebornEndpoint(t *testing.T) {
	r := newRig(t, 2)
	client := r.machines[0].Open(r.now, Options{})
	address := flip.Address{1, 2, 3}
	r.machines[1].Open(r.now, Options{Public: address, Upcall: true})
	r.machines[0].Trans(r.now, client, 0, address, &std.Header{}, nil, 0)
	r.exchange()
	if len(r.incoming) != 1 {
		t.Fatalf("%d requests", len(r.incoming))
	}
	r.machines[1] = benchMachines(2)[1] // a crash: the node has executed it, or not
	r.now += 20 * millisecond
	r.machines[1].Open(r.now, Options{Public: address, Upcall: true, Reborn: true})
	r.run(second)
	if e := r.take(KindTrans); e.Status != std.RPCFailure || len(r.incoming) != 1 {
		t.Errorf("ended with %v, %d requests", e.Status, len(r.incoming))
	}
}

func TestWindow_IsBounded(t *testing.T) {
	r := newRig(t, 1)
	m := r.machines[0]
	m.cfg.MaxRows = 50
	server := m.Open(r.now, Options{Upcall: true})
	accepted := 0
	for i := range 10_000 {
		r.now += millisecond
		d := flip.Deliver{Dst: server.addr, Src: flip.Address{1, byte(i), byte(i >> 8)}}
		h := head{typ: Request, tid: 1}
		before := len(m.Out.Requests)
		m.gotRequestOf(r.now, server, &d, &h)
		if len(m.Out.Requests) > before {
			accepted++
			m.Reply(r.now, m.Out.Requests[0].Handle, testHeader(), nil)
			m.gotAck(r.now, server, d.Src, &head{typ: Ack, tid: 1})
		}
		m.Reset()
		if server.rows.n > 50 {
			t.Fatalf("%d rows", server.rows.n)
		}
	}
	// Rows are given up after a second, the life of a frame, when there are too
	// many: 50 requests a second can be remembered.
	if accepted < 450 || accepted > 550 {
		t.Errorf("%d requests accepted in 10 s", accepted)
	}
}

// gotRequestOf is gotRequest without the message around it.
func (m *Machine) gotRequestOf(now int64, ep *Endpoint, d *flip.Deliver, h *head) {
	if r := m.rowFor(now, ep, &d.Src, h.slot); r != nil {
		m.begin(now, r, h.tid, working)
		m.deliver(now, r, nil, &std.Header{}, nil)
	}
}

func TestHandle_VoidAfterItsRequest(t *testing.T) {
	r := newRig(t, 1)
	m := r.machines[0]
	client, server := m.Open(r.now, Options{}), m.Open(r.now, Options{Upcall: true})
	ask := func() Handle {
		if st := m.Trans(r.now, client, 0, server.Address(), testHeader(), nil, 0); st != Wait {
			t.Fatal(st)
		}
		r.exchange()
		return r.incoming[len(r.incoming)-1].Handle
	}
	first := ask()
	if m.Reply(r.now, first, testHeader(), nil) != std.OK || m.Reply(r.now, first, testHeader(), nil) == std.OK {
		t.Error("a request wants one reply")
	}
	r.take(KindTrans)
	given := ask()
	m.ForgetTrans(r.now, client, 0)
	last := ask() // the row is at work for this one now
	if m.Reply(r.now, given, testHeader(), nil); len(r.ends) != 0 {
		t.Error("a reply to a request that was given up reached the next one")
	}
	m.Reply(r.now, last, testHeader(), nil)
	r.take(KindTrans)
}

func TestForget_ServingThread(t *testing.T) {
	r := newRig(t, 2)
	client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
	r.machines[1].GetReq(r.now, server, 0, testGet)
	r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
	r.take(KindGetReq)
	r.machines[1].Forget(r.now, server, 0)
	if e := r.take(KindTrans); e.Status != std.RPCFailure {
		t.Errorf("ended with %v", e.Status)
	}
}

// A tid that the server's window knows to be over is not executed by way of the
// local path either.
func TestLocal_OldTidIsNotHandedOver(t *testing.T) {
	r := newRig(t, 1)
	m := r.machines[0]
	server := m.Open(r.now, Options{Upcall: true})
	private := flip.Address{5}
	st := &State{
		Identity: flip.Identity{Private: private, Public: private.Public(), Epoch: 1},
		NextTid:  9,
		Horizon:  -1,
		Clients:  []ClientState{{Phase: uint8(seeking), Tid: 3, Addr: server.addr, Left: second}},
	}
	row := m.rowFor(r.now, server, &st.Identity.Public, 0)
	m.begin(r.now, row, 9, done)
	m.Activate(r.now, m.Import(r.now, nil, st))
	if e := r.take(KindTrans); e.Status != std.RPCFailure || len(r.incoming) != 0 {
		t.Errorf("ended with %v, %d requests", e.Status, len(r.incoming))
	}
}

// From Silence on, an endpoint that may have moved is not answered for.
func TestSilence_NobodyIsKeptWaiting(t *testing.T) {
	r := newRig(t, 2)
	client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
	r.machines[1].GetReq(r.now, server, 0, testGet)
	r.machines[1].Freeze(r.now, server)
	r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, second)
	r.run(30 * second)
	if len(r.ends) != 0 {
		t.Fatal("ended while the server was frozen")
	}
	r.machines[1].Silence(r.now, server)
	r.run(3 * second)
	if e := r.take(KindTrans); e.Status != std.RPCNotFound {
		t.Errorf("ended with %v", e.Status)
	}
	// Resolved by hand: it goes on here after all.
	r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, second)
	r.run(100 * millisecond)
	r.machines[1].Thaw(r.now, server)
	r.run(300 * millisecond)
	r.take(KindGetReq)
}

// checkMachine verifies what must hold at all times.
func checkMachine(t testing.TB, m *Machine) {
	t.Helper()
	if len(m.portList) > m.cfg.MaxPorts || len(m.portList) != m.ports.Len() {
		t.Errorf("%d ports, %d listed", m.ports.Len(), len(m.portList))
	}
	for _, p := range m.portList {
		if len(p.candidates) > maxCandidates || len(p.hints) > maxHints {
			t.Errorf("%d candidates, %d hints", len(p.candidates), len(p.hints))
		}
		for s := p.idle; s != nil; s = s.next {
			if s.phase != waiting || s.ep.phase != running || s.binding.port != p {
				t.Errorf("an idle thread in phase %d of an endpoint in phase %d", s.phase, s.ep.phase)
			}
		}
		for c := p.waiters.head; c != nil; c = c.next {
			if c.phase != seeking || c.waitsFor != p || c.ep.phase != running {
				t.Errorf("a waiting client in phase %d", c.phase)
			}
		}
		for _, b := range p.bindings {
			waits := 0
			for _, s := range b.ep.servers {
				if s != nil && s.phase == waiting && s.binding == b {
					waits++
				}
			}
			if waits != b.waiting || b.serving < 0 {
				t.Errorf("%d threads wait, accounted %d; %d serve", waits, b.waiting, b.serving)
			}
		}
	}
	pulled := 0
	for _, o := range m.outflows {
		for i := range o.parts {
			pulled += len(o.parts[i].buf)
		}
	}
	if pulled != m.pulled || pulled > m.cfg.PullBytes || len(m.spent)+len(m.buffers) > keepBuffers {
		t.Errorf("%d bytes of parts, accounted %d; %d buffers", pulled, m.pulled, len(m.spent)+len(m.buffers))
	}
	for _, ep := range m.list {
		n, bytes := 0, 0
		ep.rows.all(func(r *row) {
			n++
			bytes += len(r.data)
			if r.ep != ep || r.stray || (r.data != nil && r.phase != replied) || (r.in != nil) != (r.phase == receiving) ||
				(r.phase == receiving || r.size > 0) && (r.server == nil || r.server.row != r) {
				t.Errorf("row in phase %d", r.phase)
			}
		})
		if n != ep.rows.n || n > m.cfg.MaxRows || bytes != ep.replyBytes {
			t.Errorf("%d rows, accounted %d; %d bytes, accounted %d", n, ep.rows.n, bytes, ep.replyBytes)
		}
		for _, c := range ep.clients {
			if c != nil && (c.phase == fetching) != (c.in != nil) {
				t.Errorf("in phase %d, pulling: %v", c.phase, c.in != nil)
			}
			if c != nil && c.phase == idle && (c.data != nil || c.handle != 0 || c.waitsFor != nil || c.out != nil) {
				t.Error("an idle slot holds something")
			}
		}
	}
}

// FuzzReceive feeds a machine messages made from the fuzzer's bytes, mixed with
// calls. Nothing may panic, no account may go wrong, no table exceed its limit.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x03, 0, 0, 0, 0x04, 0, 0, 0, 0x05, 1, 1, 1})
	f.Add([]byte("\x23\x00\x00\x01\x83\x11\x05\x02\x43\x01\x00\x01\xc7\x02\x02\x02\x09\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, program []byte) {
		m := benchMachines(1)[0]
		m.cfg.MaxRows, m.cfg.MaxPorts, m.cfg.ReplyBytes = 6, 4, 5000
		now := int64(second)
		client, server := m.Open(now, Options{Owner: testMemory{}}), m.Open(now, Options{Owner: testMemory{}})
		object := m.Open(now, Options{Upcall: true})
		m.Listen(now, object, capability.Port{8}.Put())
		for ; len(program) >= 4; program = program[4:] {
			fuzzStep(m, &now, program[:4], client, server, object)
			checkMachine(t, m)
			m.Reset()
		}
		m.Tick(now + 3600*second)
		checkMachine(t, m)
	})
}

// fuzzStep makes one call or delivers one message.
func fuzzStep(m *Machine, now *int64, p []byte, client, server, object *Endpoint) {
	eps := []*Endpoint{client, server, object}
	addrs := []flip.Address{client.addr, server.addr, object.addr, {1}, {2}, m.self}
	ports := []capability.Port{testGet, {8}, {byte(p[3])}, {}}
	ep, slot := eps[p[1]%3], uint32(p[2]%3)
	data := make([]byte, int(p[3])*20)
	switch p[0] % 16 {
	case 0:
		*now += int64(p[3]) * 20 * millisecond
		m.Tick(*now)
	case 1:
		m.Trans(*now, ep, slot, flip.Address{}, &std.Header{Port: ports[p[3]%4].Put()}, data, 0)
	case 2:
		m.Trans(*now, ep, slot, addrs[p[3]%6], &std.Header{}, data, 0)
		m.Transact(*now, ep, slot, &Transaction{To: addrs[p[3]%6], Header: testHeader(), Size: uint32(p[3]) << 13,
			Room: 1 << 20, Deadline: int64(p[3]) * millisecond, Secure: p[3]&1 != 0})
	case 3:
		m.GetReqInto(*now, ep, slot, ports[p[3]%4], uint32(p[3])<<14)
	case 4:
		switch p[3] % 3 {
		case 0:
			m.PutRep(*now, ep, slot, testHeader(), data)
		case 1:
			m.PutRepFrom(*now, ep, slot, testHeader(), uint32(p[3])<<13)
		case 2:
			m.Forward(*now, ep, slot, ports[p[3]/3%4].Put(), addrs[p[3]/12%6])
		}
	case 5:
		m.Freeze(*now, ep)
	case 6:
		m.Thaw(*now, ep)
	case 7:
		m.AbortTrans(*now, ep, slot)
		m.AbortGetReq(*now, ep, slot)
	case 8:
		m.Signal(*now, ep, slot)
	case 9:
		m.Forget(*now, ep, slot)
	case 10:
		if h, ok := m.HandleOf(object, addrs[p[1]%6], slot, uint64(p[3]%4)); ok {
			m.Reply(*now, h, testHeader(), data)
		}
	case 11:
		if p[3] == 0xcc {
			m.Close(*now, ep)
		}
	default:
		h := head{typ: Type(p[0] / 16), flags: p[3] & 0x12, arg: uint16(p[3] % 5), slot: slot,
			tid: uint64(p[2] / 3 % 8), age: uint32(p[3]) * 500}
		b := make([]byte, headLen, requestLen)
		h.put(b)
		switch h.typ {
		case Request, Reply:
			b = b[:requestLen]
			(&std.Header{Port: ports[p[3]%4].Put()}).PutWire((*[std.HeaderLen]byte)(b[headLen:]))
		case Pull:
			b = b[:pullLen]
			(&pull{uint32(p[3]%8) << 17, uint32(p[3]%3) << 17, 128 << 10}).put(b)
			data = nil
		case Part:
			b = b[:partLen]
			data = make([]byte, int(p[3]%2)<<17)
			(&pull{uint32(p[3]%8) << 17, uint32(len(data)), 128 << 10}).put(b)
		case Locate, HereIs, Forward:
			port := ports[p[3]%4].Put()
			b = append(b, port[:]...)
			if h.typ != Locate {
				b = append(b, addrs[p[1]%6][:]...)
			}
			data = nil
		default:
			data = nil
		}
		fuzzDeliver(m, *now, addrs[p[1]/6%6], ep.addr, b, data, h.typ == Locate)
	}
}

// fuzzDeliver passes a message through the box in a frame, or in several.
func fuzzDeliver(m *Machine, now int64, src, dst flip.Address, head, data []byte, multicast bool) {
	other := flip.NewBox(flip.Config{Rand: m.cfg.Rand, Links: []flip.Link{{MAC: flip.MAC{2, 9}, MTU: 1500}}})
	if !other.RegisterPublic(now, src, 0) {
		return
	}
	send := flip.Send{Src: src, Dst: dst, Proto: flip.ProtoRPC, Header: head, Payload: data}
	if multicast {
		send.Dst = flip.Address{}
		other.Multicast(&send)
	} else {
		other.Unicast(now, &send)
	}
	for round := 0; round < 4; round++ {
		for i := range other.Out.Frames {
			f := &other.Out.Frames[i]
			m.Input(now, 0, append(append([]byte(nil), f.Head()...), f.Body...))
		}
		other.Out.Reset()
		frames := m.Frames()
		for i := range frames {
			other.Input(now, 0, append(append([]byte(nil), frames[i].Head()...), frames[i].Body...))
		}
	}
}
