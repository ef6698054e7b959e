package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/move"
	"motile/proc"
)

// pulse watches whether the target of a move lives while the process stands still.
// A transaction gives its server ten seconds, and a slow node all the time it takes
// to work; a process that nobody has committed need not wait for a dead node that
// long. Any frame of the target's counts, so a slow link is not taken for a dead
// one; if nothing else is under way the target is asked for a sign of life.
type pulse struct {
	s     *source
	timer proc.Timer
	since int64 // when the process was frozen
	asked bool  // and not yet answered
}

const (
	pulseEvery = 200e6
	pulseAsk   = 400e6 // silence after which the target is asked
	// pulseStopped is the silence after which the process runs on here: it must
	// have done so within two seconds of the target's end.
	pulseStopped = 1400e6
)

func (p *pulse) init(s *source) {
	p.s = s
	p.timer.Init(p)
}

func (p *pulse) start() {
	p.since = p.s.n.Tab.Now
	p.s.n.Tab.StartTimer(&p.timer, p.since+pulseEvery)
}

func (p *pulse) stop() { p.s.n.Tab.StopTimer(&p.timer) }

// Expire implements proc.Expirer.
func (p *pulse) Expire(now int64) {
	s, n := p.s, p.s.n
	if st := s.m.State(); st != move.Frozen && st != move.Preparing {
		return
	}
	at := n.nodeAt(s.target).address
	silence := now - max(p.since, n.ipc.m.Box().Heard(at))
	if silence > pulseStopped {
		s.fail("node %d went silent", s.target)
		return
	}
	n.Tab.StartTimer(&p.timer, now+pulseEvery)
	if silence > pulseAsk && !p.asked {
		p.asked = true
		h := n.nodeHeader(s.target, std.Info)
		n.call(at, h, nil, pulseStopped, func(*rpc.Complete) { p.asked = false })
	}
}
