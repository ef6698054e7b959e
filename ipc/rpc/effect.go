package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Effects is what a machine wants done, besides the frames of its box. The owner
// performs them after each call, or after a few, frames first, and then calls
// Machine.Reset. The slices are the machine's and valid until then; the Data in
// them belongs to whoever takes it, to be read only (see the package comment).
type Effects struct {
	Completes []Complete
	Requests  []Incoming
	Signals   []Signal

	// Messages of protocols other than RPC, as the box delivered them.
	Delivers     []flip.Deliver
	NotDelivered []flip.NotDelivered
}

// A Kind says which of the three calls a Complete ends.
type Kind uint8

const (
	KindTrans Kind = iota + 1
	KindGetReq
	KindPutRep
)

// Complete ends a call that was accepted with Wait.
type Complete struct {
	Endpoint *Endpoint
	Slot     uint32
	Kind     Kind
	Status   std.Status   // of the call; Header has the status of the service
	Header   std.Header   // trans: of the reply; getreq: of the request
	Data     []byte       // after the header
	Size     uint32       // of data that was put into Memory instead
	Client   flip.Address // getreq: who asks
}

// Incoming is a request to an endpoint that the kernel serves itself. It is
// answered by Machine.Reply, at any time.
type Incoming struct {
	Endpoint *Endpoint
	Handle   Handle
	Client   flip.Address
	Header   std.Header
	Data     []byte
}

// Signal says that the client of a request at work here was signalled. Slot is
// the server's, unless the kernel serves the endpoint itself.
type Signal struct {
	Endpoint *Endpoint
	Slot     uint32
	Handle   Handle
	Client   flip.Address
}

// Handle names a request at work here, beyond the lifetime of its effect. The
// zero Handle names none.
type Handle struct {
	row *row
	seq uint64
}

// Reset drops the effects, of the machine and of its box, and keeps the room.
func (m *Machine) Reset() {
	o := &m.Out
	for i := range o.Completes {
		o.Completes[i].Data, o.Completes[i].Endpoint = nil, nil
	}
	for i := range o.Requests {
		o.Requests[i].Data, o.Requests[i].Endpoint = nil, nil
	}
	clear(o.Delivers)
	o.Completes = o.Completes[:0]
	o.Requests = o.Requests[:0]
	o.Signals = o.Signals[:0]
	o.Delivers = o.Delivers[:0]
	o.NotDelivered = o.NotDelivered[:0]
	m.box.Out.Reset()
}

// Frames returns the frames to be sent. They are valid until Reset.
func (m *Machine) Frames() []flip.Frame { return m.box.Out.Frames }

// complete makes room for one more Complete and fills in what all have. The
// caller sets Header, Data and Client.
func (o *Effects) complete(ep *Endpoint, slot uint32, kind Kind, status std.Status) *Complete {
	if n := len(o.Completes); n < cap(o.Completes) {
		o.Completes = o.Completes[:n+1]
	} else {
		o.Completes = append(o.Completes, Complete{})
	}
	e := &o.Completes[len(o.Completes)-1]
	e.Endpoint, e.Slot, e.Kind, e.Status = ep, slot, kind, status
	e.Data, e.Size = nil, 0
	return e
}

// incoming makes room for one more Incoming.
func (o *Effects) incoming() *Incoming {
	if n := len(o.Requests); n < cap(o.Requests) {
		o.Requests = o.Requests[:n+1]
	} else {
		o.Requests = append(o.Requests, Incoming{})
	}
	return &o.Requests[len(o.Requests)-1]
}
