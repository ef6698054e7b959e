package node

import (
	"slices"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// Holding an object of another node. A node acquires it before a process that has
// it open arrives, and releases it when no process here has it open any more.
//
// For each object there is one conversation: one message is under way at a time,
// each has a higher number than all before, and the object ignores what is older
// than what it has heard. A message that is not answered is said again, as things
// are then. So what the object believes is, in the end, what is true, whatever
// becomes of single messages: a reader of a pipe does not miss its end because the
// last writer's node was cut off when it let go.

// hold is this node's side of the conversation with one object.
type hold struct {
	n       *Node
	addr    flip.Address
	service capability.Capability // the object's, if a program serves it
	held    bool                  // what the object was last known to believe
	sure    bool                  // and nothing has been sent since that may have reached it
	asking  bool                  // a message is under way: the call
	call    int
	waiting []func(ok bool) // who wants to know that the object answers
	unlocks []api.Unlock    // record locks to be given up
	tries   int             // in vain, since the last answer
	parked  bool            // until a node appears: the object seems to be gone
	retry   proc.Timer
}

const (
	holdPause  = 1e9 // before the second try; then twice as long each time
	maxHoldTry = 5   // then whoever has it is not there
	maxParked  = 1024
	maxUnlocks = 256 // in one message
)

// holdOn returns the conversation about an object, beginning it if there is none.
func (n *Node) holdOn(r *object.Remote) *hold {
	h := n.holds[r.Addr]
	if h == nil {
		h = &hold{n: n, addr: r.Addr, service: r.Service, sure: true}
		h.retry.Init(h)
		n.holds[r.Addr] = h
	}
	return h
}

// acquire makes this node a holder, for a Remote that is among its remotes; done is
// told whether the object has answered.
func (n *Node) acquire(r *object.Remote, done func(ok bool)) {
	h := n.holdOn(r)
	h.waiting = append(h.waiting, done)
	h.step()
}

// release is called when a Remote was dropped.
func (n *Node) release(r *object.Remote) { n.holdOn(r).step() }

// holds an object that was this node's own until now, which is among the holders
// written down where it went.
func (n *Node) holdsAlready(r *object.Remote) { n.holdOn(r).held = true }

// step says what there is to say.
func (h *hold) step() {
	n := h.n
	use := n.usesRemote(h.addr)
	switch {
	case h.asking:
		return
	case len(h.waiting) > 0:
	case len(h.unlocks) == 0 && h.sure && h.held == use:
		n.Tab.StopTimer(&h.retry)
		if !use {
			delete(n.holds, h.addr)
		}
		return
	case h.tries > 0: // the timer runs, or a node must appear
		return
	}
	q := api.HolderRequest{Node: n.Number, Boot: n.ipc.boot, Unlock: h.unlocks[:min(len(h.unlocks), maxUnlocks)]}
	n.holdSeq++
	q.Seq = n.holdSeq
	data, err := image.Marshal(q)
	if err != nil {
		return
	}
	h.asking, h.sure, h.parked = true, false, false
	n.Tab.StopTimer(&h.retry)
	waiting := h.waiting
	h.waiting = nil
	command := uint32(api.ObjectRelease)
	if use {
		command = api.ObjectAcquire
	}
	over := false
	hd := &std.Header{Command: command}
	to := (&object.Remote{Addr: h.addr, Service: h.service}).Route(hd)
	call := n.call(to, hd, data, patience, func(c *rpc.Complete) {
		over, h.asking = true, false
		ok := c.Status == std.OK && c.Header.Status() == std.OK
		if ok {
			h.held, h.sure, h.tries = use, true, 0
			h.unlocks = slices.Clone(h.unlocks[len(q.Unlock):])
		} else {
			h.missed()
		}
		for _, done := range waiting {
			done(ok)
		}
		h.step()
	})
	if !over {
		h.call = call
	}
}

// comesHome: the object is on this node now. If nobody here reaches it through the
// network any more, nobody need say so.
func (x *export) comesHome() {
	n, a := x.n, x.ep.Address()
	if n.usesRemote(a) {
		return
	}
	if h := n.holds[a]; h != nil {
		if h.asking {
			n.forgetCall(h.call)
		}
		n.Tab.StopTimer(&h.retry)
		delete(n.holds, a)
		x.unlock(h.unlocks)
	}
	x.letGo(n.Number, n.ipc.boot)
}

// missed: nobody has answered.
func (h *hold) missed() {
	n := h.n
	if h.tries++; h.tries < maxHoldTry {
		n.Tab.StartTimer(&h.retry, n.Tab.Now+holdPause<<(h.tries-1))
		return
	}
	h.parked = true
	parked := 0
	for _, x := range n.holds {
		if x.parked {
			parked++
		}
	}
	if parked > maxParked {
		delete(n.holds, h.addr)
	}
}

// Expire implements proc.Expirer: it is time to try again.
func (h *hold) Expire(int64) {
	tries := h.tries
	h.tries = 0
	h.step()
	h.tries = tries
}

// nodeAppeared: an object that could not be reached may be there.
func (n *Node) nodeAppeared() {
	var list []*hold
	for _, h := range n.holds {
		if h.tries > 0 && !h.asking {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b *hold) int { return slices.Compare(a.addr[:], b.addr[:]) })
	for _, h := range list {
		h.tries = 0
		h.step()
	}
}

// openHolds reports how many conversations are under way: not those that have
// nothing to say, or nobody to say it to.
func (n *Node) openHolds() (open int) {
	for _, h := range n.holds {
		if h.tries == 0 {
			open++
		}
	}
	return open
}

// holder is a node as an object knows it. One that has let go is remembered while the
// object is open to others: what it said before may still be under way.
type holder struct {
	node     int
	boot     uint64
	seq      uint64 // of the last message
	held     bool
	reserved int // moves to it that are under way: it will say so itself
}

func (h *holder) live() bool { return h.held || h.reserved > 0 }

// hold serves the two messages at the object.
func (x *export) hold(r *rpc.Incoming) {
	var q api.HolderRequest
	if !x.n.parse(r, &q) {
		return
	}
	x.n.reply(r, std.OK, nil)
	x.unlock(q.Unlock)
	h := x.holderOf(q.Node, q.Boot)
	if h == nil || q.Seq <= h.seq && q.Seq != 0 {
		return
	}
	h.seq = q.Seq
	was := h.live()
	h.held = r.Header.Command == api.ObjectAcquire
	if was && !h.live() {
		x.lessHeld()
	}
}

// holderOf returns the entry of a node under a boot, making it; nil if the node has
// been restarted since.
func (x *export) holderOf(node int, boot uint64) *holder {
	if b, ok := x.n.neighbours[node]; ok && b.former == boot && b.load.Boot != boot {
		return nil
	}
	for i := range x.holders {
		if h := &x.holders[i]; h.node == node {
			if h.boot != boot {
				*h = holder{node: node, boot: boot}
			}
			return h
		}
	}
	if len(x.holders) > maxNode {
		return nil
	}
	x.holders = append(x.holders, holder{node: node, boot: boot})
	return &x.holders[len(x.holders)-1]
}

// reserve makes a node a holder while a process that has the object open is on its way
// there.
func (x *export) reserve(node int, boot uint64) {
	if h := x.holderOf(node, boot); h != nil {
		h.reserved++
	}
}

// unreserve ends that: the node has acquired the object by now, or the process stays.
func (x *export) unreserve(node int, boot uint64) {
	for i := range x.holders {
		if h := &x.holders[i]; h.node == node && h.boot == boot && h.reserved > 0 {
			if h.reserved--; !h.live() {
				x.lessHeld()
			}
			return
		}
	}
}

// letGo is called when a node is known to hold the object no more.
func (x *export) letGo(node int, boot uint64) {
	for i := range x.holders {
		if h := &x.holders[i]; h.node == node && h.boot == boot && h.held {
			if h.held = false; !h.live() {
				x.lessHeld()
			}
			return
		}
	}
}

// dropLost is called when a node is known to run under a boot: what it held before
// it holds no more. The holders of one that is leaving are written down already, and
// are looked at where it goes.
func (x *export) dropLost(node int, boot uint64) {
	if x.leaving || x.gone {
		return
	}
	n := len(x.holders)
	x.holders = slices.DeleteFunc(x.holders, func(h holder) bool { return h.node == node && h.boot != boot })
	if len(x.holders) != n {
		x.lessHeld()
	}
}

// lessHeld: one node fewer has the object open.
func (x *export) lessHeld() {
	switch {
	case x.gone:
	case x.held():
		x.askAgain() // only who holds it still does
		x.n.perform()
	default:
		x.closeUnused()
	}
}

// held reports whether a node elsewhere has the object open.
func (x *export) held() bool { return x.holding() > 0 }

func (x *export) holding() (n int) {
	for i := range x.holders {
		if x.holders[i].live() {
			n++
		}
	}
	return n
}

// exportHolders writes the holders down, for a move.
func (x *export) exportHolders() (out []image.Holder) {
	for _, h := range x.holders {
		out = append(out, image.Holder{Node: h.node, Boot: h.boot, Seq: h.seq, Gone: !h.live()})
	}
	return out
}

func (x *export) importHolders(in []image.Holder) {
	for _, h := range in {
		x.holders = append(x.holders, holder{node: h.Node, boot: h.Boot, seq: h.Seq, held: !h.Gone})
	}
}
