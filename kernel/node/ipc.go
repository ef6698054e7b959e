package node

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/raw"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/netdev"
	"motile/proc"
	"motile/proc/api"
)

// ipc is the node's end of the network: its RPC machine, the links below it, and
// the transactions of the kernel itself. Whatever calls into the machine leaves
// effects; perform carries them out before the next thread runs.
type ipc struct {
	m      *rpc.Machine
	raw    *raw.Machine   // beside it, on the same box
	grp    *group.Machine // likewise
	links  []netdev.Link
	key    api.Key
	secret capability.Secret // of the process server: its capabilities are checked against it
	boot   uint64            // drawn at start: distinguishes this run of the node from others

	nodes map[int]*whereabouts // of process servers, by node; at most maxNode

	self    *rpc.Endpoint // the process server's
	asker   *rpc.Endpoint // the client of the kernel's own calls
	calls   []func(*rpc.Complete)
	running bool             // perform is under way
	asks    rpc.Transaction  // of the trans in progress
	header  std.Header       // likewise
	answers []*object.Answer // given back
	pieces  [2][]byte
	spares  spares
}

// maxPorts: every process is a service of its own.
const maxPorts = 2*proc.MaxProcesses + 64

func (n *Node) initIPC(cfg *Config) {
	random := func() uint64 {
		var b [8]byte
		n.K.Random(b[:])
		v := uint64(0)
		for i := range b {
			v = v<<8 | uint64(b[i])
		}
		return v
	}
	links := make([]flip.Link, len(cfg.Links))
	for i, l := range cfg.Links {
		links[i] = flip.Link{MAC: l.Addr(), MTU: l.MTU()}
		if i < len(cfg.Weights) {
			links[i].Weight = cfg.Weights[i]
		}
	}
	box := flip.NewBox(flip.Config{Links: links, Window: window(links), Rand: random, Alloc: func(size int) []byte { return n.ipc.spares.get(size) }})
	n.ipc = ipc{
		m:     rpc.New(n.Tab.Now, rpc.Config{Box: box, Rand: random, MaxPorts: maxPorts}),
		links: cfg.Links, key: cfg.Key, boot: random(), secret: cfg.Key.NodeSecret(cfg.Number),
		nodes: make(map[int]*whereabouts),
	}
	n.ipc.raw = raw.New(box, random)
	n.ipc.grp = group.New(group.Config{Box: box, Rand: random, HistoryBytes: groupHistory, MaxHere: maxGroupMembers})
	n.ipc.self = n.ipc.m.Open(n.Tab.Now, rpc.Options{Owner: n, Public: cfg.Key.NodeAddress(n.Number),
		Epoch: cfg.Epoch, Upcall: true, Reborn: true})
	// It asks under another address, a new one each time it boots: others remember
	// what the old ones have asked, by address and number.
	n.ipc.asker = n.ipc.m.Open(n.Tab.Now, rpc.Options{Owner: n})
	n.ipc.m.Listen(n.Tab.Now, n.ipc.self, cfg.Key.NodePort(n.Number).Put())
}

// A receiver takes frames in bursts, and its ACKs leave when it has dealt with a part of one.
// So a window holds two bursts: else the two ends work by turns. It is half of what the ring
// of a card has buffers for, and of what a bridge lets wait for a node: that is for nodes of
// so little memory that their rings are shorter.
const (
	windowFrames = 128
	windowMost   = 1 << 20
	windowLeast  = 256 << 10
)

// window is how many bytes may be under way to one box, over whichever link.
func window(links []flip.Link) int {
	mtu := windowMost
	for _, l := range links {
		mtu = min(mtu, l.MTU)
	}
	return min(max(windowFrames*mtu, windowLeast), windowMost)
}

// Input takes a frame from a link. It is the driver's again when Input returns.
func (n *Node) Input(link int, frame []byte) {
	if isLoopback(frame) {
		n.loopback(link, frame)
		return
	}
	n.ipc.m.Input(n.Tab.Now, link, frame)
	n.perform()
}

// tickIPC lets the protocols' timers run out.
func (n *Node) tickIPC() {
	if n.netDeadline() <= n.Tab.Now {
		n.ipc.m.Tick(n.Tab.Now)
		n.ipc.grp.Tick(n.Tab.Now)
		n.perform()
	}
}

// netDeadline is when the protocols have something to do by themselves.
func (n *Node) netDeadline() int64 {
	return min(n.ipc.m.NextDeadline(), n.ipc.grp.NextDeadline())
}

// perform carries out what the machine wants done. Carrying out may want more;
// it is appended and done too, in order.
func (n *Node) perform() {
	if n.ipc.running {
		return // further out on the stack it is under way
	}
	n.ipc.running = true
	m, out := n.ipc.m, &n.ipc.m.Out
	frames, completes, requests, signals, delivers, lost, ended := 0, 0, 0, 0, 0, 0, 0
	for {
		m.Drain(n.Tab.Now) // what a protocol beside RPC has the box do shows up there only
		for ; frames < len(m.Frames()); frames++ {
			f := &m.Frames()[frames]
			n.ipc.pieces[0], n.ipc.pieces[1] = f.Head(), f.Body
			if !n.ipc.links[f.Link].Send(n.ipc.pieces[:]) {
				n.unsent++
			}
		}
		switch {
		case completes < len(out.Completes):
			c := out.Completes[completes]
			completes++
			n.completed(c)
		case requests < len(out.Requests):
			r := out.Requests[requests]
			requests++
			n.requested(&r)
		case signals < len(out.Signals):
			s := out.Signals[signals]
			signals++
			n.clientSignalled(&s)
		case delivers < len(out.Delivers):
			d := out.Delivers[delivers]
			delivers++
			n.delivered(&d)
		case lost < len(out.NotDelivered):
			d := out.NotDelivered[lost]
			lost++
			n.notDelivered(&d)
		case ended < len(n.ipc.grp.Out.Completes):
			c := n.ipc.grp.Out.Completes[ended]
			ended++
			n.groupCompleted(&c)
		default:
			m.Reset()
			n.ipc.grp.Reset()
			n.wakeRaw()
			n.ipc.running = false
			return
		}
	}
}

// completed gives the end of a transaction to whoever waits for it.
func (n *Node) completed(c rpc.Complete) {
	if c.Endpoint == nil { // of a call that was forgotten meanwhile
		return
	}
	switch owner := c.Endpoint.Owner.(type) {
	case *Node:
		done := n.ipc.calls[c.Slot]
		n.ipc.calls[c.Slot] = nil
		own := c // that of a process stays on the stack
		done(&own)
	case *process:
		n.processCompleted(owner, &c)
	}
}

// requested gives a request to the part of the kernel that serves it.
func (n *Node) requested(r *rpc.Incoming) {
	switch owner := r.Endpoint.Owner.(type) {
	case *Node:
		n.serveNode(r)
	case *process:
		n.serveProcess(owner, r)
	case *export:
		owner.serve(r)
	case *late:
		owner.serve(r)
	case *disk:
		owner.serve(r)
	case *nic:
		owner.serve(r)
	}
}

// call is a transaction of the kernel itself. done is called when it ends;
// until then forgetCall(slot) gives it up.
func (n *Node) call(to flip.Address, h *std.Header, data []byte, patience int64, done func(*rpc.Complete)) (slot int) {
	for slot < len(n.ipc.calls) && n.ipc.calls[slot] != nil {
		slot++
	}
	if slot == len(n.ipc.calls) {
		n.ipc.calls = append(n.ipc.calls, nil)
	}
	n.ipc.calls[slot] = done
	if s := n.ipc.m.Trans(n.Tab.Now, n.ipc.asker, uint32(slot), to, h, data, patience); s != rpc.Wait {
		n.ipc.calls[slot] = nil
		done(&rpc.Complete{Endpoint: n.ipc.asker, Slot: uint32(slot), Kind: rpc.KindTrans, Status: s})
		return slot
	}
	n.perform()
	return slot
}

// forgetCall ends a call whose outcome does not matter any more: its request is not sent
// again, and done is not called.
func (n *Node) forgetCall(slot int) {
	n.ipc.calls[slot] = nil
	n.ipc.m.ForgetTrans(n.Tab.Now, n.ipc.asker, uint32(slot))
	for i := range n.ipc.m.Out.Completes { // its outcome may be among what is to be performed
		if c := &n.ipc.m.Out.Completes[i]; c.Endpoint == n.ipc.asker && c.Slot == uint32(slot) {
			c.Endpoint = nil
		}
	}
	n.perform()
}

// reply answers a request with a status and data.
func (n *Node) reply(r *rpc.Incoming, s std.Status, data []byte) {
	n.replyHeader(r, &std.Header{Command: uint32(s), Size: uint32(len(data))}, data)
}

func (n *Node) replyHeader(r *rpc.Incoming, h *std.Header, data []byte) {
	n.ipc.m.Reply(n.Tab.Now, r.Handle, h, data)
	n.perform()
}
