package node

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/raw"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/kernel/wait"
	"motile/migrate/image"
	"motile/proc"
)

// process is what the node keeps for a process beside the table: its endpoints.
// Both move with it.
type process struct {
	node   *Node
	p      *proc.Process
	secret capability.Secret // its capabilities are checked against this

	// pid is served by the kernel at the address computed from the process id:
	// signals, news of children, what people ask.
	pid *rpc.Endpoint
	// own is the process's own, at an address nobody can compute: the client of
	// all its transactions, and what getreq serves. Nil until it is needed.
	own *rpc.Endpoint

	// raw is its interfaces to FLIP itself. Nil until it opens one.
	raw      *raw.Process
	rawWaits [raw.MaxInterfaces]wait.Queue // threads in flip_receive

	groups [maxGroups]*group.Member // by gid

	slots   slots        // client slots of own in use
	servers slots        // server slots, one for each thread that called getreq
	waits   []rpc.Handle // those who wait for its end
	reads   []logRead    // those who wait for output
	stun    *stun        // why it stands still, nil: it does not
	waiting *stunWait    // a stun that has to wait
	lease   lease
	doomed  bool         // destroyed, and about to end
	kept    bool         // its end is remembered, though it has no log (ExecRequest.Detached)
	shake   *image.Shake // nil: it is left in peace
	still   bool         // frozen at a point of its shaking, until its move is over

	arriving *target // it is parked here, not committed yet
	arrived  *target // committed, and no thread of it has run here yet
}

// slots hands out small numbers: peers keep a row for each, so they are used again.
type slots struct{ used []bool }

func (s *slots) take() uint32 {
	for i, u := range s.used {
		if !u {
			s.used[i] = true
			return uint32(i) + 1
		}
	}
	s.used = append(s.used, true)
	return uint32(len(s.used))
}

// keep marks a number as taken: one that an image brought.
func (s *slots) keep(slot uint32) {
	for uint32(len(s.used)) < slot {
		s.used = append(s.used, false)
	}
	s.used[slot-1] = true
}

func (s *slots) free(slot uint32) {
	if slot > 0 && int(slot) <= len(s.used) {
		s.used[slot-1] = false
	}
}

// of returns the node's part of a process.
func of(p *proc.Process) *process { return p.Ext.(*process) }

func (n *Node) newProcess(p *proc.Process) *process {
	x := &process{node: n, p: p, secret: n.ipc.key.ProcessSecret(p.PID)}
	x.lease.init(x)
	return x
}

// born is called for every new process.
func (n *Node) born(p *proc.Process) {
	p.Ext = n.newProcess(p)
	of(p).listen()
}

// listen makes the process answer at the address computed from its pid.
func (x *process) listen() {
	n, p := x.node, x.p
	x.pid = n.ipc.m.Open(n.Tab.Now, rpc.Options{Owner: x, Public: n.ipc.key.ProcessAddress(p.PID), Upcall: true})
	n.ipc.m.Listen(n.Tab.Now, x.pid, n.ipc.key.ProcessPort(p.PID).Put())
	n.inheritShake(x)
}

// died is called when a process has ended, before its parent is told.
func (n *Node) died(p *proc.Process, status int) {
	x, ok := p.Ext.(*process)
	if !ok {
		return
	}
	x.settled()
	x.dropTimers()
	x.ended(status)
	n.forget(x)
	n.stopPagers()
	n.wantRehome = len(n.exports) > 0
}

// forget drops the endpoints of a process that ended or left.
func (n *Node) forget(x *process) {
	n.moverGone(x)
	if x.pid != nil {
		n.ipc.m.Close(n.Tab.Now, x.pid)
	}
	if x.own != nil {
		n.ipc.m.Close(n.Tab.Now, x.own)
	}
	if x.raw != nil {
		n.ipc.raw.Close(n.Tab.Now, x.raw)
	}
	n.abandonGroups(x)
	n.perform()
}

// endpoint returns the process's own endpoint, opening it on first use.
func (x *process) endpoint() *rpc.Endpoint {
	if x.own == nil {
		x.own = x.node.ipc.m.Open(x.node.Tab.Now, rpc.Options{Owner: x})
	}
	return x.own
}

// processCompleted ends a call of a process's thread.
func (n *Node) processCompleted(x *process, c *rpc.Complete) {
	if x.stun != nil && x.stun.slot == c.Slot && c.Kind == rpc.KindTrans {
		x.ownerAnswered(c)
		return
	}
	if c.Kind == rpc.KindTrans {
		x.slots.free(c.Slot)
		n.Tab.Answered(x.p, c.Slot, n.answer(c))
		return
	}
	n.served(x, c)
}

// link is how the operations of a thread reach objects on other nodes.
type link struct {
	n *Node
	t *proc.Thread
}

func (n *Node) linkOf(t *proc.Thread) object.Link {
	n.link.n, n.link.t = n, t
	return &n.link
}

// Ask implements object.Link.
func (l *link) Ask(to flip.Address, h *std.Header, data []byte) {
	x := of(l.t.Process())
	slot := x.slots.take()
	l.t.Call.Slot, l.t.Call.Answer = slot, nil
	s := l.n.ipc.m.Trans(l.n.Tab.Now, x.endpoint(), slot, to, h, data, patience)
	if s != rpc.Wait {
		x.slots.free(slot)
		l.n.Tab.Answered(l.t.Process(), slot, &object.Answer{Status: s})
	}
	l.n.perform()
}

// patience is how long an object is looked for before its user gets an error.
const patience = 10e9

// Answer implements object.Link.
func (l *link) Answer() (object.Answer, bool) {
	c := &l.t.Call
	if c.Answer == nil {
		return object.Answer{}, false
	}
	a := *c.Answer
	c.Slot, c.Answer = 0, nil
	return a, true
}

// threadEnded drops the transactions of a thread that ended.
func (n *Node) threadEnded(t *proc.Thread) {
	x, ok := t.Process().Ext.(*process)
	if !ok || t.Process().Exiting() {
		return // the endpoint goes with the process
	}
	drop := func(c *proc.Call) {
		if c.Slot == 0 || c.Slot&proc.ServerSlot != 0 || c.Answer != nil {
			return
		}
		if isGroupCall(c) {
			n.forgetGroupCall(x, c)
		} else if x.own != nil { // an image may say anything
			n.ipc.m.ForgetTrans(n.Tab.Now, x.own, c.Slot)
		}
		x.slots.free(c.Slot)
	}
	drop(&t.Call)
	for i := range t.Below {
		drop(&t.Below[i].Call)
	}
	if t.Server != 0 && x.own != nil {
		n.ipc.m.ForgetServer(n.Tab.Now, x.own, t.Server)
		x.servers.free(t.Server)
	}
	n.perform()
}
