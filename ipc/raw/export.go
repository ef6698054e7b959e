package raw

import (
	"errors"

	"motile/ipc/flip"
	"motile/ipc/internal/codec"
)

// The state of a frozen process, as bytes: a version byte and then, each list behind
// its length, its interfaces with their endpoints and queues, and what it was sending.
// Everything is big-endian, numbers ascend, and one state has one encoding. It
// contains private addresses.
//
//	state      version 1 · interfaces · sends
//	interface  number 1 · dropped 4 · endpoints · messages
//	endpoint   number 4 · sort 1 · private 16 · messid 8 · epoch 4
//	message    address 16 · endpoint 4 · flags 4 · kind 4 · token 8 · bytes
//	send       interface 1 · endpoint 4 · to 16 · listeners 4 · flags 4 · token 8 · patience 8 · bytes

const stateVersion = 1

// ErrState says that bytes are not the state of a process, or that it cannot be taken.
var ErrState = errors.New("raw: not the state of a process's raw endpoints, or one of its addresses is in use here")

// state is a process as a value.
type state struct {
	interfaces []ifaceState
	sends      []sendState
}

type ifaceState struct {
	number    uint8
	dropped   uint32
	endpoints []endpointState
	queue     []messageState
}

type endpointState struct {
	number  uint32
	sort    sort
	private flip.Address
	messid  uint64
	epoch   uint32
}

type messageState struct {
	pk   Packet
	data []byte
}

type sendState struct {
	iface            uint8
	endpoint         uint32
	to               flip.Address
	listeners, flags uint32
	token            uint64
	patience         int64
	data             []byte
}

// Lengths of the records, without data, to check a count before believing it.
const (
	endpointLen = 4 + 1 + 16 + 8 + 4
	messageMin  = 16 + 4 + 4 + 4 + 8 + 4
	sendMin     = 1 + 4 + 16 + 4 + 4 + 8 + 8 + 4
)

func codeState(c *codec.Coder, st *state) {
	n := uint8(len(st.interfaces))
	codec.U8(c, &n)
	if !c.Writing() {
		st.interfaces = make([]ifaceState, n)
	}
	for i := range st.interfaces {
		codeInterface(c, &st.interfaces[i])
	}
	codec.List(c, &st.sends, sendMin, codeSend)
}

func codeInterface(c *codec.Coder, i *ifaceState) {
	codec.U8(c, &i.number)
	codec.U32(c, &i.dropped)
	codec.List(c, &i.endpoints, endpointLen, codeEndpoint)
	codec.List(c, &i.queue, messageMin, codeMessage)
}

func codeEndpoint(c *codec.Coder, e *endpointState) {
	codec.U32(c, &e.number)
	codec.U8(c, &e.sort)
	codec.ID(c, &e.private)
	codec.U64(c, &e.messid)
	codec.U32(c, &e.epoch)
}

func codeMessage(c *codec.Coder, m *messageState) {
	codec.ID(c, &m.pk.Address)
	codec.U32(c, &m.pk.Endpoint)
	codec.U32(c, &m.pk.Flags)
	codec.U32(c, &m.pk.Kind)
	codec.U64(c, &m.pk.Token)
	c.Data(&m.data)
}

func codeSend(c *codec.Coder, s *sendState) {
	codec.U8(c, &s.iface)
	codec.U32(c, &s.endpoint)
	codec.ID(c, &s.to)
	codec.U32(c, &s.listeners)
	codec.U32(c, &s.flags)
	codec.U64(c, &s.token)
	codec.U64(c, &s.patience)
	c.Data(&s.data)
}

// Export returns the state of a frozen process. The epochs in it are already those of
// the next place.
func (m *Machine) Export(p *Process) ([]byte, bool) {
	if p.phase != frozen {
		return nil, false
	}
	return m.encode(p), true
}

// Look returns the state of a process as it is, running or not, and changes nothing: for
// who wants to see it.
func (m *Machine) Look(p *Process) []byte { return m.encode(p) }

func (m *Machine) encode(p *Process) []byte {
	var st state
	for _, i := range p.interfaces {
		if i != nil {
			st.interfaces = append(st.interfaces, m.exportInterface(i))
		}
	}
	for _, s := range p.sent {
		st.sends = append(st.sends, sendState{iface: uint8(s.from.of.number), endpoint: s.from.number, to: s.to,
			listeners: s.listeners, flags: s.flags, token: s.token, patience: s.patience, data: whole(s.head[:s.headLen], s.body)})
	}
	w := codec.NewWriter([]byte{stateVersion})
	codeState(w, &st)
	return w.Bytes()
}

func (m *Machine) exportInterface(i *iface) ifaceState {
	st := ifaceState{number: uint8(i.number), dropped: i.dropped}
	for _, e := range i.endpoints {
		if e == nil {
			continue
		}
		id := e.identity
		if e.sort == own && e.p.phase == frozen {
			id, _ = m.box.Export(e.public)
			id.Epoch++
		}
		st.endpoints = append(st.endpoints, endpointState{e.number, e.sort, e.private, id.MessID, id.Epoch})
	}
	for k := range i.queue {
		q := &i.queue[k]
		st.queue = append(st.queue, messageState{q.pk, whole(q.head[:q.headLen], q.body)})
	}
	return st
}

func whole(head, body []byte) []byte { return append(append([]byte(nil), head...), body...) }

// Import makes a process from a state that came from another node. Nothing reaches it
// until Activate. It changes nothing if the state makes no sense, or if one of its
// addresses is in use here. Messages in the result are parts of b.
func (m *Machine) Import(owner any, b []byte) (*Process, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return nil, ErrState
	}
	var st state
	r := codec.NewReader(b[1:])
	codeState(r, &st)
	if !r.Complete() {
		return nil, ErrState
	}
	p := &Process{Owner: owner, phase: imported}
	for k := range st.interfaces {
		if !p.importInterface(&st.interfaces[k]) {
			return nil, ErrState
		}
	}
	for k := range st.sends {
		if !p.importSend(&st.sends[k]) {
			return nil, ErrState
		}
	}
	for e := range p.all {
		if e.sort == own && m.points.Get((*[16]byte)(&e.public)) != nil {
			return nil, ErrState
		}
	}
	for e := range p.all {
		if e.sort == own {
			m.points.Put((*[16]byte)(&e.public), e)
		}
	}
	m.processes = append(m.processes, p)
	return p, nil
}

// importInterface reports whether an interface makes sense: their numbers ascend.
func (p *Process) importInterface(st *ifaceState) bool {
	n := int(st.number)
	if n >= MaxInterfaces {
		return false
	}
	for _, i := range p.interfaces[n:] {
		if i != nil {
			return false
		}
	}
	i := &iface{number: n, dropped: st.dropped}
	p.interfaces[n] = i
	for k := range st.endpoints {
		if !p.importEndpoint(i, &st.endpoints[k]) {
			return false
		}
	}
	for k := range st.queue {
		x := &st.queue[k]
		if x.pk.Kind < Unicast || x.pk.Kind > NotDelivered {
			return false
		}
		q := message{pk: x.pk}
		q.pk.Size = uint32(len(x.data))
		q.headLen = copy(q.head[:], x.data)
		q.body = x.data[q.headLen:]
		p.queued += q.len()
		i.queue = append(i.queue, q)
	}
	return len(i.queue) <= MaxQueued && p.queued <= QueueBytes
}

func (p *Process) importEndpoint(i *iface, st *endpointState) bool {
	e := &endpoint{p: p, of: i, number: st.number, sort: st.sort, private: st.private, public: st.private.Public()}
	e.identity = flip.Identity{Private: e.private, Public: e.public, MessID: st.messid, Epoch: st.epoch}
	p.endpoints++
	if e.number <= uint32(len(i.endpoints)) || e.number > MaxEndpoints || p.endpoints > MaxEndpoints ||
		e.sort > everybody || (e.sort == everybody) != e.private.IsNull() ||
		(e.sort != own && (st.messid != 0 || st.epoch != 0)) {
		return false
	}
	for x := range p.all {
		if e.sort == own && x.sort == own && x.public == e.public {
			return false
		}
	}
	for uint32(len(i.endpoints)) < e.number {
		i.endpoints = append(i.endpoints, nil)
	}
	i.endpoints[e.number-1] = e
	return true
}

func (p *Process) importSend(st *sendState) bool {
	s := &sent{from: p.at(int(st.iface)).endpoint(st.endpoint), to: st.to, listeners: st.listeners,
		flags: st.flags, token: st.token, patience: st.patience}
	s.headLen = copy(s.head[:], st.data)
	s.body = st.data[s.headLen:]
	p.sentBytes += s.len()
	p.sent = append(p.sent, s)
	return s.from != nil && s.from.sort == own && !s.to.IsNull() && s.patience >= 0 &&
		s.flags&^(Invalidate|Security) == 0 && s.listeners <= MaxListeners && s.len() <= MaxMessage &&
		len(p.sent) <= MaxSent && p.sentBytes <= SentBytes
}
