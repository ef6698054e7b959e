package sim

import (
	"bytes"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// Programs whose requests and replies are pulled from their memory, that send
// requests elsewhere, and that set deadlines. They are counters and adders too;
// Rights in the header of a request says what is special about it.
const (
	longRequest = 1 << iota
	longReply
)

// Load implements rpc.Memory for programs that do.
func (p *Process) Load(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	x, ok := p.program.(rpc.Memory)
	return ok && p.accessible() && x.Load(slot, kind, offset, b)
}

// Store implements rpc.Memory likewise.
func (p *Process) Store(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	x, ok := p.program.(rpc.Memory)
	return ok && p.accessible() && x.Store(slot, kind, offset, b)
}

// accessible checks that the machine keeps its hands off the memory of a process
// that is on its way.
func (p *Process) accessible() bool {
	if p.Frozen {
		p.cluster.violated("%s: its memory is used while it is frozen", p.Name)
	}
	return p.Alive && !p.Frozen
}

// Load implements rpc.Memory: an Adder's request is read again if a server
// forwards it.
func (a *Adder) Load(slot uint32, _ rpc.Kind, offset uint32, b []byte) bool {
	copy(b, Pattern(a.current[slot], 1<<16)[offset:])
	return true
}

// Store implements rpc.Memory.
func (a *Adder) Store(uint32, rpc.Kind, uint32, []byte) bool { return false }

// Streamer is a client with long requests and replies.
type Streamer struct {
	Put     capability.Port
	Ledger  *StreamLedger
	Next    func() (ok bool, think int64, q Query)
	Results []std.Status

	asking map[uint32]*asking
}

// Query is what a Streamer wants.
type Query struct {
	Send, Want         int
	LongSend, LongWant bool
	Room               int // for a long reply
	Deadline, Patience int64
}

type asking struct {
	id    uint64
	q     Query
	reply []byte
}

// StreamLedger also knows what must never be executed any more.
type StreamLedger struct {
	*Ledger
	Forwarded int
	Overflows int
	never     map[uint64]std.Status
}

// NewStreamLedger returns an empty ledger.
func NewStreamLedger(c *Cluster) *StreamLedger {
	return &StreamLedger{Ledger: NewLedger(c), never: make(map[uint64]std.Status)}
}

// Start begins to ask, with so many threads.
func (s *Streamer) Start(p *Process, threads uint32) {
	s.asking = make(map[uint32]*asking)
	for slot := range threads {
		s.next(p, slot)
	}
}

func (s *Streamer) next(p *Process, slot uint32) {
	if s.Next == nil {
		return
	}
	if ok, think, q := s.Next(); ok {
		p.Sleep(think, func() { s.Ask(p, slot, q) })
	}
}

// Ask begins one transaction.
func (s *Streamer) Ask(p *Process, slot uint32, q Query) {
	x := &asking{id: s.Ledger.begin(1), q: q, reply: make([]byte, q.Room)}
	s.asking[slot] = x
	h := std.Header{Port: s.Put, Object: x.id, Command: Add, Offset: 1, Size: uint32(q.Want), Extra: uint32(q.Send)}
	t := rpc.Transaction{Header: &h, Room: uint32(q.Room), Deadline: q.Deadline, Patience: q.Patience}
	if q.LongSend {
		h.Rights |= longRequest
		t.Size = uint32(q.Send)
	} else {
		t.Data = Pattern(x.id, q.Send)
	}
	if q.LongWant {
		h.Rights |= longReply
	}
	p.cluster.tracef("%s: trans %d %s %+v", p.Name, slot, p.cluster.portName(h.Port), q)
	if st := p.node.machine.Transact(p.cluster.Now, p.ep, slot, &t); st != rpc.Wait {
		p.cluster.violated("%s: trans: %v", p.Name, st)
	}
}

// Load implements rpc.Memory.
func (s *Streamer) Load(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	x := s.asking[slot]
	if x == nil || kind != rpc.KindTrans || int(offset)+len(b) > x.q.Send {
		s.Ledger.Cluster.violated("a request of %d bytes is read at %d, %d bytes", x.q.Send, offset, len(b))
		return false
	}
	LongPattern(x.id, offset, b)
	return true
}

// Store implements rpc.Memory.
func (s *Streamer) Store(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	x := s.asking[slot]
	if x == nil || kind != rpc.KindTrans || int(offset)+len(b) > len(x.reply) {
		s.Ledger.Cluster.violated("a reply is written at %d, %d bytes", offset, len(b))
		return false
	}
	copy(x.reply[offset:], b)
	return true
}

// Completed implements Program.
func (s *Streamer) Completed(p *Process, e *rpc.Complete) {
	x := s.asking[e.Slot]
	delete(s.asking, e.Slot)
	status := e.Status
	if status == std.OK {
		status = e.Header.Status()
	}
	if status == std.OK {
		data := e.Data
		if x.q.LongWant && x.q.Want > 0 {
			data = x.reply[:e.Size]
		}
		if e.Header.Object != x.id || !isPattern(data, x.id+1, x.q.Want) {
			p.cluster.violated("%s: transaction %d: the reply is wrong: %d bytes, %d wanted", p.Name, x.id, len(data), x.q.Want)
		}
	}
	if status == std.RPCNotFound || status == std.RPCAborted {
		s.Ledger.never[x.id] = status
	}
	s.Ledger.end(x.id, status)
	s.Results = append(s.Results, status)
	s.next(p, e.Slot)
}

func (s *Streamer) Incoming(*Process, *rpc.Incoming) {}
func (s *Streamer) Signalled(*Process, *rpc.Signal)  {}
func (s *Streamer) Moved(*Process)                   {}

// Store is a server that takes long requests and gives long replies. If Elsewhere
// is a port, it sends some of them there instead.
type Store struct {
	Get       capability.Port
	Elsewhere capability.Port
	Threads   uint32
	Room      int
	Work      func() int64
	Ledger    *StreamLedger

	threads map[uint32]*serving
}

type serving struct {
	buf  []byte
	id   uint64 // of the request being answered
	size int    // of its reply
}

// Start begins to serve.
func (s *Store) Start(p *Process) {
	s.threads = make(map[uint32]*serving)
	p.Do(func() {
		for slot := range s.Threads {
			s.threads[slot] = &serving{buf: make([]byte, s.Room)}
			s.getreq(p, slot)
		}
	})
}

func (s *Store) getreq(p *Process, slot uint32) {
	if st := p.node.machine.GetReqInto(p.cluster.Now, p.ep, slot, s.Get, uint32(s.Room)); st != rpc.Wait {
		p.cluster.violated("%s: getreq: %v", p.Name, st)
	}
}

// Load implements rpc.Memory.
func (s *Store) Load(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	x := s.threads[slot]
	if kind != rpc.KindPutRep || int(offset)+len(b) > x.size {
		s.Ledger.Cluster.violated("a reply of %d bytes is read at %d, %d bytes", x.size, offset, len(b))
		return false
	}
	LongPattern(x.id+1, offset, b)
	return true
}

// Store implements rpc.Memory.
func (s *Store) Store(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	if kind != rpc.KindGetReq {
		s.Ledger.Cluster.violated("kind %d is written", kind)
	}
	copy(s.threads[slot].buf[offset:], b)
	return true
}

// Completed implements Program.
func (s *Store) Completed(p *Process, e *rpc.Complete) {
	slot := e.Slot
	switch {
	case e.Kind == rpc.KindGetReq && e.Status == std.OK:
		h := e.Header
		if !s.Elsewhere.IsNull() && p.cluster.rng.IntN(3) > 0 {
			p.cluster.tracef("%s: forward %d", p.Name, slot)
			s.Ledger.Forwarded++
			if st := p.node.machine.Forward(p.cluster.Now, p.ep, slot, s.Elsewhere, flip.Address{}); st != std.OK {
				p.cluster.violated("%s: forward: %v", p.Name, st)
			}
			s.getreq(p, slot)
			return
		}
		s.execute(p, slot, &h, e)
	case e.Kind == rpc.KindGetReq && e.Status == std.Overflow:
		s.Ledger.Overflows++
		s.getreq(p, slot)
	case e.Kind == rpc.KindPutRep && e.Status == std.OK, e.Kind == rpc.KindPutRep && e.Status == std.Overflow:
		s.getreq(p, slot)
	default:
		p.cluster.violated("%s: call %d of kind %d ended with %v", p.Name, slot, e.Kind, e.Status)
	}
}

func (s *Store) execute(p *Process, slot uint32, h *std.Header, e *rpc.Complete) {
	x := s.threads[slot]
	data := e.Data
	if h.Rights&longRequest != 0 && h.Extra > 0 {
		data = x.buf[:e.Size]
	}
	if !isPattern(data, h.Object, int(h.Extra)) {
		p.cluster.violated("%s: transaction %d: the request is damaged", p.Name, h.Object)
	}
	if st, ok := s.Ledger.never[h.Object]; ok {
		p.cluster.violated("%s: transaction %d is executed after it ended with %v", p.Name, h.Object, st)
	}
	s.Ledger.execute(h.Object)
	clear(x.buf)
	x.id, x.size = h.Object, int(h.Size)
	p.Sleep(s.Work(), func() {
		reply := std.Header{Object: h.Object, Size: h.Size}
		var st std.Status
		p.cluster.tracef("%s: putrep %d", p.Name, slot)
		if h.Rights&longReply != 0 && h.Size > 0 {
			st = p.node.machine.PutRepFrom(p.cluster.Now, p.ep, slot, &reply, h.Size)
		} else {
			st = p.PutRep(slot, &reply, Pattern(h.Object+1, int(h.Size)))
		}
		switch st {
		case std.OK:
			s.getreq(p, slot)
		case rpc.Wait:
		default:
			p.cluster.violated("%s: putrep: %v", p.Name, st)
		}
	})
}

func (s *Store) Incoming(*Process, *rpc.Incoming) {}
func (s *Store) Signalled(*Process, *rpc.Signal)  {}
func (s *Store) Moved(*Process)                   {}

// LongPattern fills b with the bytes from offset on that belong to a number.
func LongPattern(id uint64, offset uint32, b []byte) {
	for len(b) > 0 {
		n := copy(b, Pattern(id, 1<<16)[offset&0xffff:])
		b, offset = b[n:], offset+uint32(n)
	}
}

func isPattern(b []byte, id uint64, size int) bool {
	want := make([]byte, size)
	LongPattern(id, 0, want)
	return bytes.Equal(b, want)
}
