package node

import (
	"fmt"
	"sort"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// What has become of a move: questions between its two ends, nodes that were
// restarted, and doubt that is ended by hand.

// ask finds out what the source has decided, when its word does not come.
func (t *target) ask() {
	n := t.n
	data, _ := image.Marshal(wire.Commit{Move: t.id})
	n.call(n.nodeAt(t.offer.Source).address, n.nodeHeader(t.offer.Source, api.MoveStatus), data, movePatience, func(c *rpc.Complete) {
		var a wire.Answer
		if c.Status != std.OK || c.Header.Status() != std.OK || image.Unmarshal(c.Data, &a) != nil {
			return
		}
		switch {
		case a.Boot != t.id.Boot:
			t.why = "its source was restarted"
			t.step(move.SourceLost)
		case a.State == "aborted":
			t.step(move.NotCommitted)
		}
	})
}

// gotStatus answers that question. A move this node knows nothing of, although it
// has not been restarted, was not committed.
func (n *Node) gotStatus(r *rpc.Incoming) {
	var q wire.Commit
	if !n.parse(r, &q) {
		return
	}
	a := wire.Answer{State: "aborted", Boot: n.ipc.boot}
	if s := n.sourceOf(q.Move); s != nil {
		a.State = "moving"
		if s.m.InDoubt() {
			a.State = "committed"
		}
	}
	if st, ok := n.finished[q.Move.Nr]; ok && q.Move.Boot == n.ipc.boot && (st == move.Done || st == move.Lost) {
		a.State = "committed"
	}
	n.replyWith(r, a)
}

// movesRebooted: moves to a node that was restarted are lost, if they were
// committed, or fail.
func (n *Node) movesRebooted(node int, boot uint64) {
	var pids []int32
	for pid, s := range n.sources {
		if s.target == node {
			pids = append(pids, pid)
		}
	}
	sort.Slice(pids, func(i, j int) bool { return pids[i] < pids[j] })
	for _, pid := range pids {
		s := n.sources[pid]
		if s == nil || s.boot != 0 && s.boot != boot { // it moved with one before
			continue
		}
		if s.why == "" {
			s.why = fmt.Sprintf("node %d was restarted", node)
		}
		s.step(move.TargetLost)
	}
	for _, s := range n.objectMoves { // order does not matter: they have nothing in common
		if s.target == node && (s.boot == 0 || s.boot == boot) {
			s.step(move.TargetLost)
		}
	}
	n.targetsRebooted(node, boot)
	n.residuesRebooted(node, boot)
}

// targetsRebooted: processes that were to come from a node that was restarted will
// not.
func (n *Node) targetsRebooted(node int, boot uint64) {
	var list []*target
	for id, t := range n.targets {
		if t.offer.Source == node && id.Boot == boot {
			list = append(list, t)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].id.Nr < list[j].id.Nr })
	for _, t := range list {
		t.why = fmt.Sprintf("node %d was restarted", node)
		t.step(move.SourceLost)
	}
}

// brings reports whether a process is among those that are to come.
func (t *target) brings(pid int32) bool {
	for _, a := range t.all {
		if a.im != nil && a.im.PID == pid {
			return true
		}
	}
	return false
}

// serveResolve ends a move in doubt by hand: that of a process, and of all that move
// with it.
func (n *Node) serveResolve(r *rpc.Incoming) {
	var q api.ResolveRequest
	if !n.parse(r, &q) {
		return
	}
	if s := n.sources[q.PID]; s != nil && s.m.InDoubt() {
		s.why = "resolved by hand"
		n.reply(r, std.OK, nil)
		if q.Resume {
			s.step(move.Resumed)
		} else {
			s.step(move.Discarded)
		}
		return
	}
	for _, t := range n.targets {
		if !t.brings(q.PID) || t.m.State() != move.Arriving {
			continue
		}
		t.why = "resolved by hand"
		n.reply(r, std.OK, nil)
		if q.Resume {
			t.frozen, t.heard = 0, n.Tab.Now
			t.step(move.TargetResumed)
		} else {
			t.step(move.TargetDiscarded)
		}
		return
	}
	n.reply(r, std.NotFound, nil)
}

// moveState is what ps shows of a process in a move, or "".
func (n *Node) moveState(p *proc.Process) string {
	if s := n.sources[p.PID]; s != nil {
		if s.m.InDoubt() && n.Tab.Now > s.frozenAt+1e9 {
			return "in-doubt"
		}
		if p.Frozen() {
			return "frozen"
		}
	}
	if x, ok := p.Ext.(*process); ok && x.arriving != nil {
		return "arriving"
	}
	return ""
}
