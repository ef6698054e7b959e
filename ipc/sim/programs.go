package sim

import (
	"bytes"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// The programs of the tests: clients that add numbers to counters. Adding twice
// is not the same as adding once, so whatever is executed twice shows.
//
//	request  Object  number of the transaction, unique in the cluster
//	         Offset  what to add
//	         Size    length of the data wanted back
//	reply    Object  the same
//	         Offset  the sum after adding
//	         Rights  which counter that is, a number

// Add is the command of a counter.
const Add uint32 = 15000

// Ledger knows of each transaction what was asked, executed and answered.
type Ledger struct {
	Cluster *Cluster
	Ops     []*Op // by number, which counts from 1
	Begun   int
	Ended   int
	By      map[std.Status]int // ends, by status
	servers uint32
	order   int64
}

// Op is one transaction: what its client knows of it, and what the servers know.
type Op struct {
	Begun, Ended int64 // in the order of all begins and ends; -1 while it has not ended
	Amount       uint64
	Status       std.Status
	Sum          uint64 // in the answer
	Server       uint32 // which counter answered, from 1

	executed int
}

// NewLedger returns an empty ledger.
func NewLedger(c *Cluster) *Ledger {
	return &Ledger{Cluster: c, By: make(map[std.Status]int)}
}

func (l *Ledger) begin(amount uint64) (id uint64) {
	l.Begun++
	l.order++
	l.Ops = append(l.Ops, &Op{Begun: l.order, Ended: -1, Amount: amount})
	return uint64(len(l.Ops))
}

// op returns the transaction with a number, nil if there is none.
func (l *Ledger) op(id uint64) *Op {
	if id == 0 || id > uint64(len(l.Ops)) {
		return nil
	}
	return l.Ops[id-1]
}

// execute notes that a server has begun to work on a transaction.
func (l *Ledger) execute(id uint64) {
	e := l.op(id)
	if e == nil {
		l.Cluster.violated("a server was asked for transaction %d, which nobody began", id)
		return
	}
	if e.executed++; e.executed > 1 {
		l.Cluster.violated("transaction %d was executed %d times", id, e.executed)
	}
}

// end notes how a transaction ended for its client.
func (l *Ledger) end(id uint64, status std.Status) {
	e := l.op(id)
	if e == nil || e.Ended >= 0 {
		l.Cluster.violated("transaction %d ended twice", id)
		return
	}
	l.order++
	e.Ended, e.Status = l.order, status
	l.Ended++
	l.By[status]++
	switch {
	case status == std.OK && e.executed != 1:
		l.Cluster.violated("transaction %d was answered, and executed %d times", id, e.executed)
	case (status == std.RPCNotFound || status == std.RPCAborted) && e.executed != 0:
		l.Cluster.violated("transaction %d was executed, and ended with %v", id, status)
	}
}

// Counter is a server with one counter. A thread adds when it gets a request, and
// answers when it has worked for a while.
type Counter struct {
	Get     capability.Port
	Threads uint32
	Work    func() int64
	Ledger  *Ledger
	Total   uint64
	Signals int

	number  uint32              // in the ledger
	pending map[uint64]*pending // by transaction, if the kernel serves us
}

// pending is a request to a process served by its kernel.
type pending struct {
	client flip.Address
	slot   uint32
	tid    uint64
}

// Start begins to serve.
func (s *Counter) Start(p *Process) {
	s.Ledger.servers++
	s.number = s.Ledger.servers
	p.Do(func() {
		if p.upcall {
			s.pending = make(map[uint64]*pending)
			p.node.machine.Listen(p.cluster.Now, p.ep, s.Get.Put())
			return
		}
		for slot := range s.Threads {
			p.GetReq(slot, s.Get)
		}
	})
}

func (s *Counter) add(h *std.Header, data []byte) (reply std.Header, body []byte) {
	s.Ledger.execute(h.Object)
	if !bytes.Equal(data, Pattern(h.Object, len(data))) || h.Extra != uint32(len(data)) {
		s.Ledger.Cluster.violated("transaction %d: the request is damaged", h.Object)
	}
	s.Total += h.Offset
	reply.Object, reply.Offset, reply.Size = h.Object, s.Total, h.Size
	reply.Rights = capability.Rights(s.number)
	return reply, Pattern(h.Object+1, int(h.Size))
}

// Completed implements Program.
func (s *Counter) Completed(p *Process, e *rpc.Complete) {
	slot := e.Slot
	switch {
	case e.Kind == rpc.KindPutRep:
		p.GetReq(slot, s.Get)
	case e.Kind == rpc.KindGetReq && e.Status == std.OK:
		reply, body := s.add(&e.Header, e.Data)
		answer := func() {
			if st := p.PutRep(slot, &reply, body); st == std.OK {
				p.GetReq(slot, s.Get)
			} else if st != rpc.Wait {
				p.cluster.violated("%s: putrep: %v", p.Name, st)
			}
		}
		if work := s.Work(); work > 0 {
			p.Sleep(work, answer)
		} else {
			answer()
		}
	}
}

// Incoming implements Program.
func (s *Counter) Incoming(p *Process, e *rpc.Incoming) {
	reply, body := s.add(&e.Header, e.Data)
	w := &pending{}
	w.client, w.slot, w.tid = e.Handle.Client()
	s.pending[reply.Object] = w
	p.Sleep(s.Work(), func() {
		delete(s.pending, reply.Object)
		// The client may have given up, and then the handle is gone.
		if h, ok := p.node.machine.HandleOf(p.ep, w.client, w.slot, w.tid); ok {
			p.Reply(h, &reply, body)
		}
	})
}

// Signalled implements Program.
func (s *Counter) Signalled(*Process, *rpc.Signal) { s.Signals++ }

// Moved implements Program.
func (s *Counter) Moved(*Process) {}

// Adder is a client. Each of its threads does one transaction after the other.
type Adder struct {
	Put      capability.Port
	To       flip.Address // if not null, the server to ask
	Ledger   *Ledger
	Patience int64
	Next     func(slot uint32) (ok bool, think int64, amount uint64, send, want int)

	Results []std.Status
	Last    uint64 // sum in the last answer
	current map[uint32]uint64
}

// Start begins to ask, with so many threads.
func (a *Adder) Start(p *Process, threads uint32) {
	a.current = make(map[uint32]uint64)
	for slot := range threads {
		a.next(p, slot)
	}
}

// next lets a thread think and then begin its next transaction.
func (a *Adder) next(p *Process, slot uint32) {
	ok, think, amount, send, want := a.Next(slot)
	if !ok {
		return
	}
	p.Sleep(think, func() { a.Ask(p, slot, amount, send, want) })
}

// Ask begins one transaction.
func (a *Adder) Ask(p *Process, slot uint32, amount uint64, send, want int) {
	if a.current == nil {
		a.current = make(map[uint32]uint64)
	}
	id := a.Ledger.begin(amount)
	a.current[slot] = id
	h := std.Header{Port: a.Put, Object: id, Command: Add, Offset: amount, Size: uint32(want), Extra: uint32(send)}
	if st := p.Trans(slot, a.To, &h, Pattern(id, send), a.Patience); st != rpc.Wait {
		p.cluster.violated("%s: trans: %v", p.Name, st)
	}
}

// maxThreads is how many threads of a client Interrupt looks at.
const maxThreads = 8

// Asking returns the number of transactions under way, and forgets them if the
// client is dead.
func (a *Adder) Asking(p *Process) int {
	if !p.Alive {
		a.current = nil
	}
	return len(a.current)
}

// Interrupt aborts the first call under way that has not reached a server, or
// signals the server that has it.
func (a *Adder) Interrupt(p *Process) {
	if !p.Alive || p.Frozen {
		return
	}
	m := p.node.machine
	for slot := range uint32(maxThreads) {
		if _, busy := a.current[slot]; busy {
			if !m.AbortTrans(p.cluster.Now, p.ep, slot) {
				m.Signal(p.cluster.Now, p.ep, slot)
			}
			p.cluster.perform(p.node)
			return
		}
	}
}

// Completed implements Program.
func (a *Adder) Completed(p *Process, e *rpc.Complete) {
	id := a.current[e.Slot]
	delete(a.current, e.Slot)
	status := e.Status
	if status == std.OK {
		status = e.Header.Status()
	}
	if status == std.OK {
		if e.Header.Object != id || len(e.Data) != int(e.Header.Size) || !bytes.Equal(e.Data, Pattern(id+1, len(e.Data))) {
			p.cluster.violated("%s: transaction %d: the reply is wrong", p.Name, id)
		}
		a.Last = e.Header.Offset
		if op := a.Ledger.op(id); op != nil {
			op.Sum, op.Server = e.Header.Offset, uint32(e.Header.Rights)
		}
	}
	a.Ledger.end(id, status)
	a.Results = append(a.Results, status)
	if a.Next != nil {
		a.next(p, e.Slot)
	}
}

// Incoming implements Program.
func (a *Adder) Incoming(*Process, *rpc.Incoming) {}

// Signalled implements Program.
func (a *Adder) Signalled(*Process, *rpc.Signal) {}

// Moved implements Program.
func (a *Adder) Moved(*Process) {}

// Relay is a server that has the work done by another one: while it serves, it
// is a client.
type Relay struct {
	Get     capability.Port
	Put     capability.Port
	Threads uint32
}

// Start begins to serve.
func (r *Relay) Start(p *Process) {
	p.Do(func() {
		for slot := range r.Threads {
			p.GetReq(slot, r.Get)
		}
	})
}

// Completed implements Program.
func (r *Relay) Completed(p *Process, e *rpc.Complete) {
	switch e.Kind {
	case rpc.KindGetReq:
		h := e.Header
		h.Port = r.Put
		p.Trans(e.Slot, flip.Address{}, &h, e.Data, 0)
	case rpc.KindTrans:
		reply := e.Header
		if e.Status != std.OK {
			reply.SetStatus(e.Status)
		}
		if p.PutRep(e.Slot, &reply, e.Data) == std.OK {
			p.GetReq(e.Slot, r.Get)
		}
	case rpc.KindPutRep:
		p.GetReq(e.Slot, r.Get)
	}
}

// Incoming implements Program.
func (r *Relay) Incoming(*Process, *rpc.Incoming) {}

// Signalled implements Program.
func (r *Relay) Signalled(*Process, *rpc.Signal) {}

// Moved implements Program.
func (r *Relay) Moved(*Process) {}

// Pattern returns n bytes, at most 64 KiB, that belong to a number. They are a part
// of one long array, so nobody may write to them: like all data of messages.
func Pattern(id uint64, n int) []byte {
	if n == 0 {
		return nil
	}
	start := int(id * 0x9e3779b97f4a7c15 >> 48)
	return patterns[start : start+n : start+n]
}

var patterns = func() []byte {
	b := make([]byte, 2<<16)
	x := uint64(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}()
