package node

import (
	"motile/ipc/rpc"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/proc"
	"motile/proc/api"
)

// Shaking: a process is moved, or written down and made anew, after every so many
// system calls and at random instructions in between. It is a test device, to find the
// point at which a process notices; who is shaken how is the business of whoever starts
// it (api.Shake), and travels with it.

const (
	// shakeMean is how long a thread computes, on average, before it is stopped at
	// whatever instruction it is at, in ns of user mode.
	shakeMean = 10e6
	// Where a process is both restored and moved, it is moved at every moveEvery-th
	// point, first at the moveFirst-th: a move costs many times as much. That is for
	// programs that are to be shaken as they are, long or short: after tired points
	// calls do not count any more, only time, and points are calm times as rare.
	moveEvery, moveFirst = 32, 4
	tired, calm          = 512, 8
)

// spent reports whether a process has been shaken so often that it shall get on.
func spent(s *image.Shake) bool { return api.ShakeBy(s.By) == api.ShakeByBoth && s.Points > tired }

// Shake begins to shake a process, or with nil ends it.
func (n *Node) Shake(p *proc.Process, q *api.Shake) {
	if q == nil || q.By == 0 || q.By > api.ShakeByBoth {
		of(p).shake = nil
		return
	}
	s := &image.Shake{Every: max(q.Every, 1), By: uint8(q.By), Seed: q.Seed}
	s.Left = interval(s)
	of(p).shake = s
}

// interval draws the time to the next random point, by splitmix64.
func interval(s *image.Shake) int64 {
	s.Seed += 0x9e3779b97f4a7c15
	z := s.Seed
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	ns := int64((z^z>>31)%(2*shakeMean)) + 1
	if spent(s) {
		ns *= calm
	}
	return ns
}

// inheritShake gives a new process the setting of the one that forked it.
func (n *Node) inheritShake(x *process) {
	parent := n.Tab.Process(x.p.Parent)
	if parent == nil || of(parent).shake == nil {
		return
	}
	s := *of(parent).shake
	s.Seed ^= uint64(x.p.PID)
	x.shake = &image.Shake{Every: s.Every, By: s.By, Seed: s.Seed}
	x.shake.Left = interval(x.shake)
}

// shaken is told each time that a thread has left user mode, whether it called the
// kernel, and how long it had run. It reports true if the thread does not go on: its
// process is at a point of its shaking.
func (n *Node) shaken(t *proc.Thread, called bool, user int64) bool {
	p := t.Process()
	x := of(p)
	s := x.shake
	if s == nil {
		return false
	}
	s.Left -= user
	if called {
		s.Calls++
	}
	if (s.Calls < s.Every || spent(s)) && s.Left > 0 || p.Exiting() || p.Stopped() || p.Frozen() {
		return false
	}
	s.Calls, s.Left = 0, interval(s)
	s.Points++
	by := api.ShakeBy(s.By)
	byMove := by == api.ShakeByMove || by == api.ShakeByBoth && s.Points%moveEvery == moveFirst
	if byMove && x.shakeByMove() || !byMove && x.restore() {
		return true
	}
	s.Refused++
	return false
}

// shakeByMove begins a move to the next node. The process stands still from now on, so
// that it is this very point at which it moves.
func (x *process) shakeByMove() bool {
	n, p := x.node, x.p
	to := n.nextNode()
	if to == 0 || n.moving(p) != "" || p.Space.Shared() || n.obstacle(set{p}, true) != "" {
		return false
	}
	x.still = true
	n.Tab.Freeze(p)
	n.startMove(p, to, true, rpc.Handle{})
	return true
}

// firm reports whether a thread keeps its slice even if others are urgent. So much time
// passes at points that whoever sleeps for a little is always due, and calls again; a
// thread that computes would never get any further.
func (n *Node) firm(t *proc.Thread) bool { return of(t.Process()).shake != nil }

// nextNode is the next node that is up, by number, after the last the first; 0 if there
// is no other.
func (n *Node) nextNode() int {
	nodes := n.nodes(silentAfter)
	for _, k := range nodes {
		if k > n.Number {
			return k
		}
	}
	if len(nodes) > 0 {
		return nodes[0]
	}
	return 0
}

// shakeThere is the setting as it will be where the process is going.
func (x *process) shakeThere() *image.Shake {
	if x.shake == nil || !x.still {
		return x.shake
	}
	s := *x.shake
	s.Moves++
	return &s
}

// shakenOff is called when a move has ended. One that came to nothing is tried again at
// a later point.
func (x *process) shakenOff(end move.SourceState) {
	if !x.still {
		return
	}
	x.still = false
	if end != move.Aborted {
		return
	}
	x.shake.Refused++
	if x.p.Frozen() {
		x.node.Tab.Thaw(x.p)
	}
}

// shakenSoFar is what to say about it, nil if the process is left in peace.
func (x *process) shakenSoFar() *api.Shaken {
	s := x.shake
	if s == nil {
		return nil
	}
	return &api.Shaken{Moves: int(s.Moves), Restores: int(s.Restores), Refused: int(s.Refused)}
}

// Shaken is what has come of the shaking of a process, nil if it is left in peace.
func (n *Node) Shaken(p *proc.Process) *api.Shaken { return of(p).shakenSoFar() }
