package node

import "motile/migrate/move"

// An object that is open on other nodes only goes to one of them: with the machines of a
// move, and no process.

// rehomeObjects sends objects that are open on other nodes only to one of those.
// It is called now and then, and whenever a process has ended or left.
func (n *Node) rehomeObjects() {
	for _, x := range append([]*export(nil), n.exports...) {
		if n.homeless(x) {
			n.moveObject(x)
		}
	}
}

// moveObject moves an object that no process here has open, the way processes
// move: with the same machines, and no process.
func (n *Node) moveObject(x *export) {
	to := 0
	for _, h := range x.holders {
		if b, ok := n.neighbours[h.node]; ok && h.held && b.load.Boot == h.boot && n.Tab.Now-b.heard < silentAfter {
			to = h.node
			break
		}
	}
	if to == 0 {
		return
	}
	s := n.newSource(to)
	s.object, x.taking = x, true
	n.objectMoves[s.id.Nr] = s
	s.step(move.Start)
}

func (s *source) freezeObject() {
	n := s.n
	if !n.abroad(s.object) {
		s.fail("it is wanted here again, or nowhere")
		return
	}
	s.pulse.start()
	s.frozenAt, s.frozeWall = n.Tab.Now, n.Tab.Now+n.Tab.WallBase
	s.cap = n.newCaptured(nil, forWhom{})
	if err := n.captureObject(s.cap, s.object); err != nil {
		s.why = err.Error()
	}
}
