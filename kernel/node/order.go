package node

import (
	"encoding/binary"
	"fmt"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// serveMigrate takes the order to move processes. It is answered when the move is
// over.
func (n *Node) serveMigrate(r *rpc.Incoming) {
	var q api.MigrateRequest
	if !n.parse(r, &q) {
		return
	}
	roots, status := n.mayMigrate(&q)
	if status != std.OK {
		n.reply(r, status, nil)
		return
	}
	refuse := func(format string, args ...any) {
		n.replyWith(r, api.MigrateReply{PID: q.PID, Node: n.Number, Error: fmt.Sprintf(format, args...)})
	}
	how, err := strategyOf(q.Strategy)
	user, noServer := byUser(q.Server)
	switch {
	case n.Tab.Process(q.PID) == nil:
		n.replyWith(r, api.MigrateReply{PID: q.PID, Elsewhere: true})
	case err != nil:
		refuse("%v", err)
	case noServer != nil:
		refuse("%v", noServer)
	case q.MaxFreezeUs < 0 || q.MaxFreezeUs > maxMaxFreeze || q.Rate < 0:
		refuse("a freeze of at most %d µs and %d bytes a second make no sense", q.MaxFreezeUs, q.Rate)
	case q.Target == n.Number:
		n.replyWith(r, api.MigrateReply{PID: q.PID, Node: n.Number})
	case q.Target < 1 || q.Target > maxNode:
		refuse("there is no node %d: numbers are 1 to %d", q.Target, maxNode)
	case user && n.noMover() != "":
		refuse("%s", n.noMover())
	default:
		s := n.newSource(q.Target)
		s.named, s.roots, s.tree, s.residual, s.asked = q.PID, roots, q.Tree, q.Residual, r.Handle
		s.strategy, s.rate, s.user = how, q.Rate, user
		if q.MaxFreezeUs > 0 {
			s.maxFreeze = q.MaxFreezeUs * 1000
		}
		s.set = s.muster()
		if why := s.hindrance(); why != "" {
			refuse("%s", why)
			return
		}
		s.enter(s.set)
		s.step(move.Start)
	}
}

// maxMaxFreeze is the longest freeze that can be asked for: an hour, in µs.
const maxMaxFreeze = 3600e6

// startMove moves a process by itself, for whom nothing is in the way.
func (n *Node) startMove(p *proc.Process, target int, residual bool, asked rpc.Handle) {
	s := n.newSource(target)
	s.named, s.roots, s.residual, s.asked, s.strategy = p.PID, []int32{p.PID}, residual, asked, copyAll
	s.set = set{p}
	s.enter(s.set)
	s.step(move.Start)
}

// mayMigrate checks the capabilities of the processes named. Who may move a process may
// move those that it has started along with it.
func (n *Node) mayMigrate(q *api.MigrateRequest) (pids []int32, s std.Status) {
	if len(q.With) >= proc.MaxProcesses {
		return nil, std.ArgBad
	}
	for i, b := range append([][]byte{q.Cap}, q.With...) {
		c, _ := capability.Decode(b)
		pid := q.PID
		if i > 0 {
			pid = int32(c.Object)
		}
		if s := n.std.process.Verify(c, uint64(pid), n.ipc.key.ProcessSecret(pid), capability.PSRMigrate); s != std.OK {
			n.std.process.Count(s)
			n.refused(c, api.Migrate, s)
			return nil, s
		}
		if !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids, std.OK
}

// newSource makes a move from here that has not begun.
func (n *Node) newSource(target int) *source {
	n.moveNr++
	s := &source{n: n, id: wire.MoveID{Boot: n.ipc.boot, Nr: n.moveNr}, target: target, began: n.Tab.Now, maxFreeze: defaultFreeze}
	s.key = n.moveKey(s.id)
	s.timer.Init(s)
	s.grace.Init(graceOver{s})
	s.pulse.init(s)
	s.presence.init(s)
	return s
}

// muster lists who is to move, as things are now.
func (s *source) muster() set {
	all := s.n.tree(s.roots)
	if s.tree {
		return all
	}
	return slices.DeleteFunc(all, func(p *proc.Process) bool { return !slices.Contains(s.roots, p.PID) })
}

// hindrance says why the set cannot move, in words that help, or "". A child has all that
// its parent has before it calls exec: between vfork and exec what they share is not in
// the way, for settle waits until that is over.
func (s *source) hindrance() string {
	n := s.n
	if len(s.set) == 0 {
		return fmt.Sprintf("process %d has ended", s.named)
	}
	for _, p := range s.set {
		if why := s.busy(p); why != "" {
			return fmt.Sprintf("process %d %s", p.PID, why)
		}
	}
	if p, _ := n.outsider(s.set); p != nil {
		return ""
	}
	return n.obstacle(s.set, s.residual)
}

// busy says why a process cannot move just now, or "".
func (s *source) busy(p *proc.Process) string {
	switch other := s.n.sources[p.PID]; {
	case other != nil && other != s:
		return fmt.Sprintf("is %s already", s.n.moving(p))
	case of(p).arriving != nil:
		return fmt.Sprintf("is arriving from node %d; move it when it is here", of(p).arriving.offer.Source)
	case s.user && s.n.movers.has(of(p)):
		return "is a user-level migration server, and cannot carry itself; move it with --server kernel"
	}
	return ""
}

// enter has the node know by its processes that the move is under way; with a set of
// none, that it is over.
func (s *source) enter(all set) {
	for _, pid := range s.entered {
		delete(s.n.sources, pid)
	}
	s.entered = all.pids()
	for _, pid := range s.entered {
		s.n.sources[pid] = s
	}
}

// moving says what move a process is in, or "".
func (n *Node) moving(p *proc.Process) string {
	if s := n.sources[p.PID]; s != nil {
		return fmt.Sprintf("moving to node %d", s.target)
	}
	return ""
}

// sourceOf finds a move from here that is not over, of processes or an object.
func (n *Node) sourceOf(id wire.MoveID) *source {
	if id.Boot != n.ipc.boot {
		return nil
	}
	if s := n.objectMoves[id.Nr]; s != nil {
		return s
	}
	for _, s := range n.sources {
		if s.id == id {
			return s
		}
	}
	return nil
}

// moveKey is the key of a move's page stream: both ends derive it.
func (n *Node) moveKey(id wire.MoveID) [16]byte {
	b := binary.BigEndian.AppendUint64(nil, id.Boot)
	return capability.OneWay("motile move", n.ipc.key[:], binary.BigEndian.AppendUint64(b, id.Nr))
}
