package node

import (
	"motile/ipc/rpc"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// presence is the other way round from pulse: the target hears that we are there. It gives a
// source up that says nothing for 15 s, and there may be nothing to say for longer: while
// memory of the process is still on its way here, while its pages go to a busy file server, or if
// they are to be sent slowly. What it is told is a piece of the image of no bytes.
type presence struct {
	s     *source
	timer proc.Timer
}

const presenceEvery = 2e9

func (p *presence) init(s *source) {
	p.s = s
	p.timer.Init(p)
}

func (p *presence) start() { p.s.n.Tab.StartTimer(&p.timer, p.s.n.Tab.Now+presenceEvery) }

func (p *presence) stop() { p.s.n.Tab.StopTimer(&p.timer) }

// Expire implements proc.Expirer.
func (p *presence) Expire(int64) {
	if st := p.s.m.State(); st != move.Sending && st != move.Frozen {
		return
	}
	p.s.send(api.MoveState, wire.State{Move: p.s.id}, func(*rpc.Complete) {})
	p.start()
}
