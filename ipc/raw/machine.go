package raw

import (
	"slices"

	"motile/ipc/flip"
	"motile/ipc/internal/table"
	"motile/ipc/std"
)

// Limits, all of one process but the first. What waits in both directions must fit
// the image of a move beside everything else.
const (
	MaxMessage    = 128 << 10 // bytes of a message
	MaxInterfaces = 8
	MaxEndpoints  = 100 // Amoeba's
	MaxQueued     = 256 // messages in the queue of an interface
	QueueBytes    = 256 << 10
	MaxSent       = 64 // messages that may still be refused
	SentBytes     = 256 << 10

	MaxListeners = 1 << 16 // that a multicast may ask for
	MaxHops      = 25      // of a broadcast: what the longest way costs
)

// Machine is one node's raw FLIP. It shares the node's box with the protocols beside
// it, and has the same owner.
type Machine struct {
	// Out lists the interfaces for which something came, until Reset. An interface may
	// be in it twice.
	Out   []Arrival
	Stats Stats

	box       *flip.Box
	points    table.Table[endpoint] // those with an address of their own, by that
	processes []*Process            // in the order of opening
}

// Arrival names an interface.
type Arrival struct {
	Process   *Process
	Interface int
}

// Stats counts. All counters only grow.
type Stats struct {
	Sent, Received uint64 // messages
	Notices        uint64
	Dropped        uint64 // because a queue was full, or its process on the move
	Strays         uint64 // for no endpoint here
	Unwatched      uint64 // taken for delivered because there were so many since
}

// Process is what one process has of raw FLIP.
type Process struct {
	Owner any // the caller's; the machine never looks at it

	phase      phase
	interfaces [MaxInterfaces]*iface
	endpoints  int
	queued     int     // bytes, in all queues
	sent       []*sent // oldest first
	sentBytes  int
	spare      []*sent
}

type phase uint8

const (
	running phase = iota
	frozen
	silent
	imported
	closed
)

// iface is an interface. Its counters move with it.
type iface struct {
	number    int
	endpoints []*endpoint // by number-1; nil where there is none
	queue     []message
	dropped   uint32
}

// endpoint is an address under which an interface listens.
type endpoint struct {
	p       *Process
	of      *iface
	number  uint32
	sort    sort
	private flip.Address
	public  flip.Address
	// identity is what the address was in the box, while it is not registered there.
	identity flip.Identity
}

// sort of an endpoint.
type sort uint8

const (
	own       sort = iota // its address is its own: unicasts reach it, and it can send
	group                 // multicasts to the address reach it, and others
	everybody             // broadcasts reach it
)

// New returns a machine that sends through box. The box's owner passes it what comes
// for flip.ProtoRaw.
func New(box *flip.Box, random func() uint64) *Machine {
	m := &Machine{box: box}
	m.points.Seed = random()
	box.SetHeaderLen(flip.ProtoRaw, flip.MaxHeader)
	return m
}

// Reset empties Out.
func (m *Machine) Reset() {
	clear(m.Out)
	m.Out = m.Out[:0]
}

// Open lets a process use raw FLIP.
func (m *Machine) Open(owner any) *Process {
	p := &Process{Owner: owner}
	m.processes = append(m.processes, p)
	return p
}

// Processes returns how many use raw FLIP.
func (m *Machine) Processes() int { return len(m.processes) }

// Close drops everything of a process that has ended. Nobody is told.
func (m *Machine) Close(now int64, p *Process) {
	if p.phase == imported || p.phase == closed {
		m.Remove(now, p)
		return
	}
	for _, i := range p.interfaces {
		if i != nil {
			m.End(now, p, i.number)
		}
	}
	m.forget(p)
}

// forget takes a process out of the tables.
func (m *Machine) forget(p *Process) {
	p.phase = closed
	m.processes = slices.DeleteFunc(m.processes, func(q *Process) bool { return q == p })
}

// Init is flip_init: it opens an interface and returns its number.
func (m *Machine) Init(p *Process) (number int, s std.Status) {
	for n := range p.interfaces {
		if p.interfaces[n] == nil {
			p.interfaces[n] = &iface{number: n}
			return n, std.OK
		}
	}
	return 0, std.NoSpace
}

// End is flip_end: it closes an interface with its endpoints. What its endpoints were
// sending is dropped, and what waits in its queue.
func (m *Machine) End(now int64, p *Process, number int) std.Status {
	i := p.at(number)
	if i == nil {
		return std.FlipFail
	}
	for _, e := range i.endpoints {
		if e != nil {
			m.Unregister(now, p, number, e.number)
		}
	}
	for k := range i.queue {
		p.queued -= i.queue[k].len()
	}
	p.interfaces[number] = nil
	m.arrived(p, number) // whoever waits there learns that it is gone
	return std.OK
}

// How to register.
const (
	AsGroup uint32 = 1 // together with others: for multicasts
)

// Register is flip_register: it listens on the public half of a private address and
// returns the number of the endpoint. The null address stands for broadcasts.
func (m *Machine) Register(now int64, p *Process, number int, private flip.Address, flags uint32) (ep uint32, s std.Status) {
	i := p.at(number)
	switch {
	case i == nil:
		return 0, std.FlipFail
	case flags&^AsGroup != 0:
		return 0, std.ArgBad
	case p.endpoints == MaxEndpoints:
		return 0, std.NoSpace
	}
	e := &endpoint{p: p, of: i, private: private, public: private.Public()}
	switch {
	case private.IsNull():
		e.sort = everybody
	case flags&AsGroup != 0:
		e.sort = group
		if !m.box.Join(now, e.public) {
			return 0, std.Exists
		}
	default:
		if m.points.Get((*[16]byte)(&e.public)) != nil { // also of one that is arriving
			return 0, std.Exists
		}
		if _, ok := m.box.Register(now, private); !ok {
			return 0, std.Exists
		}
		m.points.Put((*[16]byte)(&e.public), e)
	}
	e.number = i.free()
	i.endpoints[e.number-1] = e
	p.endpoints++
	return e.number, std.OK
}

// free returns the lowest number that no endpoint has.
func (i *iface) free() uint32 {
	for k, e := range i.endpoints {
		if e == nil {
			return uint32(k) + 1
		}
	}
	i.endpoints = append(i.endpoints, nil)
	return uint32(len(i.endpoints))
}

// Unregister is flip_unregister. What the endpoint was sending is dropped.
func (m *Machine) Unregister(now int64, p *Process, number int, ep uint32) std.Status {
	i := p.at(number)
	e := i.endpoint(ep)
	if e == nil {
		return std.FlipFail
	}
	p.sent = slices.DeleteFunc(p.sent, func(s *sent) bool {
		if s.from == e {
			m.box.Cancel(now, s.handle)
			p.drop(s)
		}
		return s.from == nil
	})
	m.unlist(now, e)
	i.endpoints[ep-1] = nil
	p.endpoints--
	return std.OK
}

// unlist takes an endpoint out of the box and the tables.
func (m *Machine) unlist(now int64, e *endpoint) {
	registered := e.p.phase == running || e.p.phase == frozen
	switch {
	case e.sort == group && registered:
		m.box.Leave(now, e.public)
	case e.sort == own && registered:
		m.box.Unregister(now, e.public)
	}
	if e.sort == own {
		m.points.Delete((*[16]byte)(&e.public))
	}
}

// Address returns the public address of an endpoint.
func (p *Process) Address(number int, ep uint32) (flip.Address, bool) {
	e := p.at(number).endpoint(ep)
	if e == nil {
		return flip.Address{}, false
	}
	return e.public, true
}

// at returns an interface, or nil if there is none of that number.
func (p *Process) at(number int) *iface {
	if number < 0 || number >= MaxInterfaces {
		return nil
	}
	return p.interfaces[number]
}

// endpoint returns an endpoint, or nil if there is none of that number.
func (i *iface) endpoint(number uint32) *endpoint {
	if i == nil || number == 0 || int64(number) > int64(len(i.endpoints)) {
		return nil
	}
	return i.endpoints[number-1]
}

// all are the endpoints of a process, in the order of their numbers.
func (p *Process) all(yield func(*endpoint) bool) {
	for _, i := range p.interfaces {
		if i == nil {
			continue
		}
		for _, e := range i.endpoints {
			if e != nil && !yield(e) {
				return
			}
		}
	}
}
