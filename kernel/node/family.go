package node

import (
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// Relations between processes on different nodes: children and parents, signals,
// process groups. All of it goes to the address of a pid, so it does not matter
// who is where, nor whether somebody is on the way: a frozen process's box says
// BUSY, and the message waits.

// familyPatience is how long a relative is looked for. A process that no node
// claims for so long is gone.
const familyPatience = 3e9

// Orphaned implements proc.Remote.
func (n *Node) Orphaned(child, parent int32) {
	h := n.processHeader(child, api.Orphan)
	h.Offset = uint64(parent)
	n.call(n.ipc.key.ProcessAddress(child), h, nil, familyPatience, func(*rpc.Complete) {})
}

// A child that was elsewhere when its node lost power cannot tell its parent. Now
// and then the parent's node asks at the child's address; if nobody has claimed
// that for a minute, the child counts as killed. A node that was cut off for so
// long and comes back still has it: it then runs on without a parent.
const (
	lookEvery    = 10e9
	maxUnclaimed = 6
)

func (n *Node) lookForChildren() {
	if n.Tab.Now < n.nextLook {
		return
	}
	n.nextLook = n.Tab.Now + lookEvery
	n.lookForLockers()
	for _, p := range n.Tab.Processes() {
		for _, c := range p.Children {
			if c.State != proc.ChildExited && n.Tab.Process(c.PID) == nil {
				n.lookForChild(p.PID, c.PID, c.PGID)
			}
		}
	}
}

func (n *Node) lookForChild(parent, child, pgid int32) {
	n.call(n.ipc.key.ProcessAddress(child), n.processHeader(child, std.Info), nil, familyPatience, func(c *rpc.Complete) {
		if c.Status != std.RPCNotFound {
			delete(n.unclaimed, child)
			return
		}
		if n.unclaimed[child]++; n.unclaimed[child] < maxUnclaimed {
			return
		}
		delete(n.unclaimed, child)
		if p := n.Tab.Process(parent); p != nil && !p.Frozen() {
			n.Log("motile: process %d is lost: no node has it", child)
			n.Tab.ChildChanged(p, proc.Child{PID: child, PGID: pgid, State: proc.ChildExited, Status: abi.SIGKILL, ExitSig: abi.SIGCHLD})
		}
	})
}

// Signal implements proc.Remote.
func (n *Node) Signal(pid, tid int32, in proc.Info) {
	n.call(n.ipc.key.ProcessAddress(pid), n.processHeader(pid, api.Signal), signalRequest(tid, in), familyPatience, func(*rpc.Complete) {})
}

// signalRequest is a signal as it travels.
func signalRequest(tid int32, in proc.Info) []byte {
	b, _ := image.Marshal(api.SignalRequest{Signo: in.Signo, Code: in.Code, PID: in.PID, Value: in.Value, TID: tid})
	return b
}

// SignalRequest implements linux.Cluster.
func (n *Node) SignalRequest(pid int32, in proc.Info) (to flip.Address, h *std.Header, data []byte) {
	return n.ipc.key.ProcessAddress(pid), n.processHeader(pid, api.Signal), signalRequest(0, in)
}

// Spread implements linux.Cluster.
func (n *Node) Spread(pgid int32) bool { return n.spread[pgid] || n.Tab.GroupSession(pgid) == 0 }

// SignalGroup implements linux.Cluster: it sends a signal to every member of a
// process group, wherever they are, each exactly once. Those of this node have it
// before SignalGroup returns. Then all nodes are asked who else is a member, and each
// is sent the signal by its address, which finds it even if it moves meanwhile. done
// hears how many have it.
func (n *Node) SignalGroup(pgid int32, in proc.Info, done func(count int)) {
	g := &groupSignal{n: n, in: in, done: done, sent: make(map[int32]bool)}
	here := n.groupMembers(pgid).PIDs
	for _, pid := range here {
		if p := n.Tab.Process(pid); p != nil && !p.Frozen() && !g.sent[pid] { // who came back is listed again, as one that left
			n.Tab.Signal(p, in)
			g.sent[pid] = true
			g.count++
		}
	}
	g.waiting = 1
	g.send(here)
	for _, node := range n.nodes(missedAfter) {
		g.waiting++
		n.askGroup(node, pgid, func(r api.GroupReply) {
			g.send(r.PIDs)
			g.heard()
		})
	}
	g.heard()
}

// JoinRequest implements linux.Cluster.
func (n *Node) JoinRequest(child, pgid int32, parent *proc.Process) (to flip.Address, h *std.Header) {
	h = n.processHeader(child, api.Join)
	h.Offset, h.Extra, h.Size = uint64(pgid), uint32(parent.PID), uint32(parent.SID)
	return n.ipc.key.ProcessAddress(child), h
}

// Joined implements linux.Cluster.
func (n *Node) Joined(pgid int32) { n.markSpread(pgid) }

// SessionOf implements linux.Cluster.
func (n *Node) SessionOf(pgid int32, done func(sid int32)) {
	found, waiting := int32(0), 1
	heard := func() {
		if waiting--; waiting == 0 {
			done(found)
		}
	}
	for _, node := range n.nodes(missedAfter) {
		waiting++
		n.askGroup(node, pgid, func(r api.GroupReply) {
			found = max(found, r.SID)
			heard()
		})
	}
	heard()
}

// askGroup asks a node who of a process group is there.
func (n *Node) askGroup(node int, pgid int32, done func(api.GroupReply)) {
	h := n.nodeHeader(node, api.Group)
	h.Offset = uint64(pgid)
	n.call(n.nodeAt(node).address, h, nil, familyPatience, func(c *rpc.Complete) {
		var r api.GroupReply
		if c.Status != std.OK || c.Header.Status() != std.OK || image.Unmarshal(c.Data, &r) != nil {
			r = api.GroupReply{}
		}
		done(r)
	})
}

// groupSignal is a signal on its way to a process group.
type groupSignal struct {
	n       *Node
	in      proc.Info
	sent    map[int32]bool
	count   int // of members that have it
	waiting int // for so many answers
	done    func(int)
}

// send signals members that are new to us. Who left a node a moment ago is listed too,
// and may be no more.
func (g *groupSignal) send(pids []int32) {
	for _, pid := range pids {
		if g.sent[pid] {
			continue
		}
		g.sent[pid] = true
		g.waiting++
		to, h, data := g.n.SignalRequest(pid, g.in)
		g.n.call(to, h, data, familyPatience, func(c *rpc.Complete) {
			if c.Status == std.OK && c.Header.Status() == std.OK {
				g.count++
			}
			g.heard()
		})
	}
}

func (g *groupSignal) heard() {
	if g.waiting--; g.waiting == 0 {
		g.done(g.count)
	}
}

// markSpread notes that a process group may have members elsewhere.
func (n *Node) markSpread(pgid int32) {
	if len(n.spread) > 4096 {
		for g := range n.spread {
			if n.Tab.GroupSession(g) == 0 {
				delete(n.spread, g)
			}
		}
	}
	n.spread[pgid] = true
}
