package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
	"motile/ipc/std"
)

// client is one slot of an endpoint for transactions of its own. The states are
// Amoeba's, by other names:
//
//	phase    Amoeba   means                               left when
//	idle              no transaction                      Trans
//	seeking  LOCATE   no server has been asked yet, or    a server is known (sent, or
//	                  the one asked has refused           served if it is here); patience
//	                                                      ends (NOTFOUND); Abort
//	sent     PUTREQ   the request is on its way           ALIVE (served), REPLY; NAK
//	                                                      (seeking); silence (FAILURE)
//	served   GETREP   a server has it                     REPLY (fetching if it is long,
//	                                                      else the end); FORWARD
//	                                                      (seeking); FAIL, silence (FAILURE)
//	fetching GETREP   the reply's data is being pulled    the last PART; FAIL, silence
//	                                                      (FAILURE)
//
// A tid is used for one server only and is dead once that server sends NAK. So a
// request that is refused goes out again under another.
type client struct {
	ep    *Endpoint
	slot  uint32
	phase clientPhase
	tid   uint64

	// What is asked of whom. While fetching, hdr is the reply's. data is kept until a
	// server has it, and beyond if it cannot be read again from a Memory, should the
	// server forward the request; it is not written to by anybody.
	port     capability.Port
	addr     flip.Address // the server demanded; null: any server of port
	hdr      std.Header
	data     []byte
	size     uint32 // of the request's data
	long     bool   // it stays in Memory and is pulled from there
	room     uint32 // in Memory, for a long reply
	forwards uint8
	secure   bool // not over untrusted networks
	unsafe   bool // a server was found that only they lead to

	server    flip.Address // asked under this tid
	left      int64        // patience, running while seeking
	since     int64        // left is counted down from here
	backoff   int64        // after the next NAK
	tries     int          // messages since the server's last sign of life
	sentAt    int64        // when the first REQUEST under this tid left
	heard     int64        // last sign of life from the server, or pause by BUSY
	unclean   bool         // sent again or held back: sentAt tells no round trip
	handle    flip.Handle  // the last message to the server
	signals   uint16       // sent by Signal
	signalled uint16       // of them, known to the server
	in        *inflow      // while fetching
	out       *outflow     // parts of a long request
	limit     *limit       // made for the first transaction that has a deadline

	// After a reply from another node: the ACK that is due. The timer is its.
	ackTo  flip.Address
	ackTid uint64

	row        *row // the server's row for this slot, if on this node: a hint
	waitsFor   *port
	next, prev *client // neighbours in waitsFor.waiters
	timer      deadline.Timer
}

type clientPhase uint8

const (
	idle clientPhase = iota
	seeking
	sent
	served
	fetching
)

// Transaction says what is to be asked of whom, and under which conditions.
type Transaction struct {
	To     flip.Address // the server's; null: any server of Header.Port
	Header *std.Header
	Data   []byte // the machine's from now on; nobody writes to it any more

	// Size, if not 0, says that there is so much data, too long for one message, in
	// the Memory of the endpoint's owner, and none in Data. Room is how much of a
	// reply that is too long for one message has room there.
	Size, Room uint32

	// Secure keeps the request and the reply away from untrusted networks.
	Secure bool

	Patience int64 // ns in which a server has to be found; 0 means PatienceDefault
	Deadline int64 // ns in which it has to be over; 0 means none
}

// Trans begins a transaction: find a server of h.Port, or ask the one at address
// to if that is not null, hand it the request, and wait for its reply. It returns
// Wait, or why the call cannot be. The end is a Complete of KindTrans:
//
//	OK              a reply, whose Header has the service's own status
//	RPC_NOTFOUND    no server took the request within the patience (in ns; 0 means
//	                PatienceDefault); it was not executed
//	RPC_FAILURE     a server may or may not have executed it, and is gone
//	RPC_ABORTED     Abort, before a server had it
//	RPC_UNSAFE      the only ways to the server lead over networks not to be trusted
//
// The data belongs to the machine from now on, and nobody writes to it any more.
// A slot can do one transaction at a time. Slots are small numbers and are used
// again: the server keeps one row for each.
func (m *Machine) Trans(now int64, ep *Endpoint, slot uint32, to flip.Address, h *std.Header, data []byte, patience int64) std.Status {
	return m.Transact(now, ep, slot, &Transaction{To: to, Header: h, Data: data, Patience: patience})
}

// Transact is Trans with all its conditions. With a deadline there are two more
// ends: RPC_NOTFOUND if by then no server can have had the request, and else
// RPC_FAILURE; then the server is told, as by Signal. Of a reply longer than Room
// the end is STD_OVERFLOW, and of a Memory that fails RPC_BADADDRESS.
func (m *Machine) Transact(now int64, ep *Endpoint, slot uint32, t *Transaction) std.Status {
	if ep.phase != running {
		return std.RPCTryAgain
	}
	c := ep.client(m, slot)
	if c == nil || c.phase != idle {
		return std.RPCTryAgain
	}
	if len(t.Data) > m.Whole() || t.Size > 0 && (ep.memory == nil || len(t.Data) > 0) {
		return std.Overflow
	}
	if t.To.IsNull() && t.Header.Port.IsNull() {
		return std.RPCBadPort
	}
	m.Stats.Trans++
	c.tid = ep.newTid()
	c.addr = t.To
	c.hdr = *t.Header
	c.size, c.long, c.room = uint32(len(t.Data)), false, t.Room
	c.forwards, c.secure, c.unsafe = 0, t.Secure, false
	c.signals, c.signalled = 0, 0
	if c.left = t.Patience; t.Patience <= 0 {
		c.left = PatienceDefault
	}
	if t.Deadline > 0 {
		m.limit(now, c, t.Deadline)
	}
	// The common case comes first: a server on this node waits for just this.
	if t.Size > 0 {
		c.size, c.long = t.Size, true
	} else if t.To.IsNull() {
		if p := m.ports.Get((*[16]byte)(&c.hdr.Port)); p != nil && m.handOver(now, c, p, t.Data) {
			return Wait
		}
	} else if m.handOverTo(now, c, t.Data) {
		return Wait
	}
	c.port = c.hdr.Port
	c.data = t.Data
	c.backoff = refusedFirst
	m.seek(now, c)
	m.Drain(now)
	return Wait
}

// Whole is the length up to which data travels in one message.
func (m *Machine) Whole() int { return m.box.MaxPayload(requestLen) }

func (ep *Endpoint) newTid() uint64 {
	ep.nextTid++
	return ep.nextTid
}

// seek looks for a server once: here, then in the port cache. If there is none,
// the transaction waits for one to show up.
func (m *Machine) seek(now int64, c *client) {
	c.phase = seeking
	c.since = now
	if !c.addr.IsNull() {
		if !m.handOverTo(now, c, c.data) {
			m.sendRequest(now, c, c.addr)
		}
		return
	}
	p := m.portFor(c.port)
	if p == nil {
		m.finishTrans(now, c, std.RPCTryAgain) // too many ports are being looked for
		return
	}
	if m.handOver(now, c, p, c.data) {
		return
	}
	if a, ok := p.choose(now); ok {
		m.sendRequest(now, c, a)
		return
	}
	m.waitFor(now, c, p)
}

// sendRequest hands the request to FLIP for a server that is likely to take it.
func (m *Machine) sendRequest(now int64, c *client, to flip.Address) {
	m.stopWaiting(c)
	if c.ackTo != to {
		m.sendPendingAck(now, c)
	}
	c.ackTo = flip.Address{} // this request is the ACK
	c.phase = sent
	c.server = to
	c.sentAt, c.heard = now, now
	c.unclean = false
	c.tries = 1
	patience := c.left
	if c.addr.IsNull() {
		patience = min(patience, candidateFor)
	}
	m.transmitRequest(now, c, patience)
	m.timers.Set(&c.timer, now+m.rttOf(&to).timeout(1, rtoMin))
}

// transmitRequest sends REQUEST, for the first time or again.
func (m *Machine) transmitRequest(now int64, c *client, patience int64) {
	h := head{typ: Request, slot: c.slot, tid: c.tid}
	if c.long {
		h.size = c.size
	}
	if c.secure {
		h.flags = flagSecure
	}
	if c.tries > 1 {
		h.flags |= flagRetrans
		h.age = ageOf(now - c.sentAt)
		c.unclean = true
		m.Stats.Retrans++
	}
	h.put(m.buf[:headLen])
	c.hdr.PutWire((*[std.HeaderLen]byte)(m.buf[headLen:]))
	m.ask(now, c, requestLen, c.data, patience)
}

// ask sends what is in m.buf to the client's server, in place of its last
// message. FLIP keeps it, so that BUSY can be seen in its state.
func (m *Machine) ask(now int64, c *client, n int, data []byte, patience int64) {
	m.box.Cancel(now, c.handle)
	c.handle = m.box.Unicast(now, &flip.Send{Src: c.ep.addr, Dst: c.server, Proto: flip.ProtoRPC,
		Header: m.buf[:n], Payload: data, Token: clientToken(c.slot), Secure: c.secure,
		Invalidate: c.tries%relocateTry == 0, Patience: patience})
}

// query asks the server about the transaction with a message that is a head.
func (m *Machine) query(now int64, c *client, typ Type) {
	h := head{typ: typ, slot: c.slot, tid: c.tid, age: ageOf(now - c.sentAt), arg: c.signals}
	if c.signals != c.signalled {
		h.flags = flagSigTrans
	}
	m.Stats.Enquiries++
	h.put(m.buf[:headLen])
	m.ask(now, c, headLen, nil, relocateFor)
}

// ageOf converts a time since a transaction's first REQUEST for the wire.
func ageOf(d int64) uint32 {
	return uint32(min(max(d, 0)/millisecond, 1<<32-1))
}

// clientExpired is the deadline of a slot, whatever it waits for.
func (m *Machine) clientExpired(now int64, c *client) {
	switch c.phase {
	case idle:
		m.sendPendingAck(now, c)
	case seeking:
		m.charge(now, c)
		if c.left <= 0 {
			m.finishTrans(now, c, std.RPCNotFound)
			return
		}
		m.seek(now, c)
	case sent, served:
		m.serverSilent(now, c)
	case fetching:
		m.fetchSilent(now, c)
	}
}

// charge takes the time since the last look from a seeking client's patience.
func (m *Machine) charge(now int64, c *client) {
	if c.left != Forever {
		c.left -= now - c.since
	}
	c.since = now
}

// serverSilent follows a wait without an answer. While FLIP says BUSY, or is
// still at work, it is not the server who is silent. Otherwise the server is
// asked again: with the request itself if that is as cheap as a question and may
// have been lost, else with RECEIVED or ENQUIRE.
func (m *Machine) serverSilent(now int64, c *client) {
	if m.excused(now, c) {
		return
	}
	if now-c.heard > silenceLimit {
		m.finishTrans(now, c, std.RPCFailure)
		return
	}
	c.tries++
	switch {
	case c.phase == served:
		m.query(now, c, Enquire)
	case m.box.SingleFragment(requestLen + len(c.data)): // a long one has no data in it
		m.transmitRequest(now, c, relocateFor)
	default:
		m.query(now, c, Received)
	}
	m.timers.Set(&c.timer, now+m.rttOf(&c.server).timeout(c.tries, rtoMin))
}

// excused reports that the last message to the server is still with FLIP, and
// looks again later.
func (m *Machine) excused(now int64, c *client) bool {
	switch m.box.State(c.handle) {
	case flip.HeldBusy:
		c.heard = now
	case flip.Locating, flip.InWindow: // it has its own patience and will report
	default:
		return false
	}
	c.unclean = true
	m.timers.Set(&c.timer, now+busyLook)
	return true
}

// finishTrans ends a transaction without a reply.
func (m *Machine) finishTrans(now int64, c *client, status std.Status) {
	if status == std.RPCNotFound && c.unsafe {
		status = std.RPCUnsafe
	}
	m.Stats.Failed++
	e := m.Out.complete(c.ep, c.slot, KindTrans, status)
	e.Header = std.Header{}
	m.drop(now, c)
}

// drop forgets a client's transaction without a word.
func (m *Machine) drop(now int64, c *client) {
	m.stopWaiting(c)
	m.box.Cancel(now, c.handle)
	c.handle = 0
	c.phase = idle
	c.data = nil
	c.in = nil
	m.dropParts(now, &c.out)
	c.ackTo = flip.Address{}
	m.timers.Stop(&c.timer)
	if c.limit != nil {
		c.limit.at = 0
		m.timers.Stop(&c.limit.timer)
	}
}
