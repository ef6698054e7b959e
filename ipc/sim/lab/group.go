package lab

import (
	"maps"
	"math/rand/v2"
	"slices"

	"motile/ipc/group"
	"motile/ipc/sim"
	"motile/ipc/std"
)

// The groups of a plan: who belongs to one port.

type member struct {
	p *sim.Process
	m *sim.Member
	n int // messages to send
}

func (r *run) spawnMember(a *Actor, name string, n *sim.Node, dice *rand.Rand) {
	journal := r.groups[a.Port]
	if journal == nil {
		journal = sim.NewJournal(r.c)
		r.groups[a.Port] = journal
	}
	size := r.group(a.Port)
	x := &member{n: a.N * a.Threads}
	x.m = &sim.Member{Port: r.port(a.Port), Journal: journal, Threads: a.Threads, Nmin: size/2 + 1,
		Params: group.Params{Resilience: min(a.Resilience, size-1), MaxGroup: max(size, 2), LogBuffers: logBuffers,
			LogMaxMessage: logMaxMessage, Large: large},
		Pause: func() int64 { return 10*sim.Millisecond + dice.Int64N(sim.Second) },
		Next: func(int) (ok bool, think int64, size int) {
			if x.n == 0 {
				return false, 0, 0
			}
			x.n--
			return true, dice.Int64N(a.Think + 1), messageSize(dice, a.Send)
		}}
	x.p = r.c.Spawn(name, n, x.m, false)
	r.actors[name] = x.p
	r.members = append(r.members, x)
	x.m.Start(x.p)
}

// Parameters of all groups: a history that is full now and then, and messages that go
// both ways, by PB and by BB.
const (
	logBuffers    = 4
	logMaxMessage = 13
	large         = 800
)

// messageSize is size, within what a group takes.
func messageSize(dice *rand.Rand, longest int) int { return size(dice, min(longest, 1<<logMaxMessage)) }

// dissolve waits until the groups have come to rest, and lets all members leave: else
// something would always be left to do, and to go wrong.
func (r *run) dissolve() {
	if len(r.members) == 0 {
		return
	}
	r.dissolved = true
	if !r.c.Until(settle, func() bool { return r.c.Broken != "" || r.unsettled() == nil }) {
		x := r.unsettled()
		r.c.Violated("%s does not come to rest in its group: %v", x.p.Name, x.m)
	}
	for _, x := range r.members {
		x.p.Do(func() { x.m.Leave(x.p) })
	}
}

// settle is enough for all resets, and for a member to give up.
const settle = 200 * sim.Second

// unsettled returns a member that has something to do.
func (r *run) unsettled() *member {
	for _, x := range r.members {
		if x.p.Alive && !x.m.Settled() {
			return x
		}
	}
	return nil
}

// checkGroups demands of strict plans that everything was sent.
func (r *run) checkGroups() {
	for _, port := range slices.Sorted(maps.Keys(r.groups)) {
		if j := r.groups[port]; r.Strict && j.By[std.OK] != j.Begun {
			r.c.Violated("not all messages were sent: %v", j.By)
		}
	}
}

// sent says how the sends of all groups have ended.
func (r *run) sent() map[std.Status]int {
	by := make(map[std.Status]int)
	for _, j := range r.groups {
		for s, n := range j.By {
			by[s] += n
		}
	}
	return by
}

func (r *run) posts() (all [][]*sim.Post) {
	for _, port := range slices.Sorted(maps.Keys(r.groups)) {
		all = append(all, r.groups[port].Posts)
	}
	return all
}
