package raw

import (
	"encoding/binary"
	"errors"

	"motile/ipc/flip"
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

// Export returns the state of a frozen process. The epochs in it are already those of
// the next place.
func (m *Machine) Export(p *Process) ([]byte, bool) {
	if p.phase != frozen {
		return nil, false
	}
	return m.encode(p), true
}

func (m *Machine) encode(p *Process) []byte {
	n := 0
	for _, i := range p.interfaces {
		if i != nil {
			n++
		}
	}
	b := append([]byte{stateVersion}, byte(n))
	for _, i := range p.interfaces {
		if i != nil {
			b = m.appendInterface(b, i)
		}
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.sent)))
	for _, s := range p.sent {
		b = append(b, byte(s.from.of.number))
		b = binary.BigEndian.AppendUint32(b, s.from.number)
		b = append(b, s.to[:]...)
		b = binary.BigEndian.AppendUint32(b, s.listeners)
		b = binary.BigEndian.AppendUint32(b, s.flags)
		b = binary.BigEndian.AppendUint64(b, s.token)
		b = binary.BigEndian.AppendUint64(b, uint64(s.patience))
		b = appendBytes(b, s.head[:s.headLen], s.body)
	}
	return b
}

func (m *Machine) appendInterface(b []byte, i *iface) []byte {
	n := uint32(0)
	for _, e := range i.endpoints {
		if e != nil {
			n++
		}
	}
	b = append(b, byte(i.number))
	b = binary.BigEndian.AppendUint32(b, i.dropped)
	b = binary.BigEndian.AppendUint32(b, n)
	for _, e := range i.endpoints {
		if e == nil {
			continue
		}
		id := e.identity
		if e.sort == own && e.p.phase == frozen {
			id, _ = m.box.Export(e.public)
			id.Epoch++
		}
		b = binary.BigEndian.AppendUint32(b, e.number)
		b = append(b, byte(e.sort))
		b = append(b, e.private[:]...)
		b = binary.BigEndian.AppendUint64(b, id.MessID)
		b = binary.BigEndian.AppendUint32(b, id.Epoch)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(i.queue)))
	for k := range i.queue {
		q := &i.queue[k]
		b = append(b, q.pk.Address[:]...)
		b = binary.BigEndian.AppendUint32(b, q.pk.Endpoint)
		b = binary.BigEndian.AppendUint32(b, q.pk.Flags)
		b = binary.BigEndian.AppendUint32(b, uint32(q.pk.Kind))
		b = binary.BigEndian.AppendUint64(b, q.pk.Token)
		b = appendBytes(b, q.head[:q.headLen], q.body)
	}
	return b
}

func appendBytes(b, head, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)+len(body)))
	return append(append(b, head...), body...)
}

// Import makes a process from a state that came from another node. Nothing reaches it
// until Activate. It changes nothing if the state makes no sense, or if one of its
// addresses is in use here. Messages in the result are parts of b.
func (m *Machine) Import(owner any, b []byte) (*Process, error) {
	p := &Process{Owner: owner, phase: imported}
	r := reader{b: b}
	if r.u8() != stateVersion {
		return nil, ErrState
	}
	for range r.count(uint32(r.u8()), 1+4+4+4) {
		r.iface(p)
	}
	for range r.count(r.u32(), sendMin) {
		r.send(p)
	}
	if r.bad || len(r.b) != 0 {
		return nil, ErrState
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

// Lengths of the records, without data, to check a count before believing it.
const (
	endpointLen = 4 + 1 + 16 + 8 + 4
	messageMin  = 16 + 4 + 4 + 4 + 8 + 4
	sendMin     = 1 + 4 + 16 + 4 + 4 + 8 + 8 + 4
)

// reader takes fields. Beyond the end, and at the first that makes no sense, it
// becomes bad, and what it returns then means nothing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) iface(p *Process) {
	n := int(r.u8())
	if n >= MaxInterfaces || p.interfaces[n] != nil || r.later(p, n) {
		r.bad = true
		return
	}
	i := &iface{number: n, dropped: r.u32()}
	p.interfaces[n] = i
	for range r.count(r.u32(), endpointLen) {
		r.endpoint(p, i)
	}
	for range r.count(r.u32(), messageMin) {
		r.message(p, i)
	}
	r.bad = r.bad || len(i.queue) > MaxQueued || p.queued > QueueBytes
}

// later reports whether an interface comes behind one of a greater number.
func (r *reader) later(p *Process, n int) bool {
	for _, i := range p.interfaces[n:] {
		if i != nil {
			return true
		}
	}
	return false
}

func (r *reader) endpoint(p *Process, i *iface) {
	e := &endpoint{p: p, of: i, number: r.u32(), sort: sort(r.u8()), private: r.address()}
	e.public = e.private.Public()
	e.identity = flip.Identity{Private: e.private, Public: e.public, MessID: r.u64(), Epoch: r.u32()}
	p.endpoints++
	if e.number <= uint32(len(i.endpoints)) || e.number > MaxEndpoints || p.endpoints > MaxEndpoints ||
		e.sort > everybody || (e.sort == everybody) != e.private.IsNull() ||
		(e.sort != own && (e.identity.MessID != 0 || e.identity.Epoch != 0)) {
		r.bad = true
		return
	}
	for x := range p.all {
		r.bad = r.bad || e.sort == own && x.sort == own && x.public == e.public
	}
	for uint32(len(i.endpoints)) < e.number {
		i.endpoints = append(i.endpoints, nil)
	}
	i.endpoints[e.number-1] = e
}

func (r *reader) message(p *Process, i *iface) {
	q := message{pk: Packet{Address: r.address(), Endpoint: r.u32(), Flags: r.u32(), Kind: Kind(r.u32()), Token: r.u64()}}
	data := r.data()
	q.pk.Size = uint32(len(data))
	q.headLen = copy(q.head[:], data)
	q.body = data[q.headLen:]
	r.bad = r.bad || q.pk.Kind < Unicast || q.pk.Kind > NotDelivered
	p.queued += q.len()
	i.queue = append(i.queue, q)
}

func (r *reader) send(p *Process) {
	i := p.at(int(r.u8()))
	s := &sent{from: i.endpoint(r.u32()), to: r.address(), listeners: r.u32(), flags: r.u32(), token: r.u64(), patience: int64(r.u64())}
	data := r.data()
	s.headLen = copy(s.head[:], data)
	s.body = data[s.headLen:]
	p.sentBytes += s.len()
	p.sent = append(p.sent, s)
	r.bad = r.bad || s.from == nil || s.from.sort != own || s.to.IsNull() || s.patience < 0 ||
		s.flags&^(Invalidate|Security) != 0 || s.listeners > MaxListeners || s.len() > MaxMessage || len(p.sent) > MaxSent || p.sentBytes > SentBytes
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return make([]byte, min(n, 16))
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8             { return r.take(1)[0] }
func (r *reader) u32() uint32           { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64           { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) address() flip.Address { return flip.Address(r.take(16)) }

func (r *reader) data() []byte {
	n := r.u32()
	if r.bad || int64(n) > int64(len(r.b)) {
		r.bad = true
		return nil
	}
	return r.take(int(n))
}

// count believes the length of a list whose records have at least min bytes.
func (r *reader) count(n uint32, min int) int {
	if r.bad || int64(n) > int64(len(r.b)/min) {
		r.bad = true
		return 0
	}
	return int(n)
}
