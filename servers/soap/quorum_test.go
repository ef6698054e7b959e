package soap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"motile/ipc/std"
)

// Replicas that crash, are cut off from each other and come back, in any order. Groups are
// a model: what one member sends, all of the view have before it counts as sent (that is
// what a resilience of all others means), and a view of a majority follows one that has
// lost members. A history is the state: whoever is asked for it must find in it every
// update that was answered.
//
// An update is one number. A replica's disk lags behind its memory.
type history []int

type simReplica struct {
	number   int
	up       bool
	disk     simState
	mem      simState
	promised uint64 // in memory: on disk before anybody is told
	group    *simGroup
	taken    int // of the group's messages
	side     int // of the partition
}

type simState struct {
	promised, epoch uint64
	updates         history
}

type simGroup struct {
	epoch    uint64
	members  []*simReplica // of the view
	messages []simMessage
}

type simMessage struct {
	update int
	epoch  uint64
}

type simWorld struct {
	t        *testing.T
	rng      *rand.Rand
	replicas []*simReplica
	groups   []*simGroup
	next     int
	pending  map[int]*simReplica // updates that are not answered, and who was asked
	answered []int
	log      []string
	wiped    bool // one disk was lost
}

func (w *simWorld) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (r *simReplica) report() Report {
	rep := Report{Replica: r.number, Kept: Kept{r.promised, r.disk.epoch, uint64(len(r.disk.updates))}}
	if r.group != nil {
		rep.Group = r.group.epoch
	}
	return rep
}

func (w *simWorld) reach(a, b *simReplica) bool { return a.up && b.up && a.side == b.side }

// reports are those of all that a replica can reach.
func (w *simWorld) reports(r *simReplica) (list []Report) {
	for _, o := range w.replicas {
		if o != r && w.reach(r, o) {
			list = append(list, o.report())
		}
	}
	return list
}

func (w *simWorld) recover(r *simReplica) {
	d := decide(r.report(), w.reports(r), len(w.replicas))
	switch d.action {
	case join:
		via := w.replicas[d.via-1]
		g := via.group
		// The joiner is in the view when all members have the message that says so, and its
		// state is that of via, at that place.
		if g == nil || g.epoch != d.epoch || !slices.Contains(g.members, via) || !w.whole(g) || !w.reach(r, g.members[0]) {
			return
		}
		w.take(via, len(g.messages))
		g.members = append(g.members, r)
		r.group, r.taken = g, len(g.messages)
		r.mem = simState{epoch: via.mem.epoch, updates: slices.Clone(via.mem.updates)}
		r.promised = max(r.promised, g.epoch)
		w.note("%d joins %d with %v", r.number, g.epoch, r.mem.updates)
	case stand:
		var promised []Report
		for _, o := range w.replicas {
			if o == r || !w.reach(r, o) {
				continue
			}
			if w.rng.IntN(5) == 0 {
				continue // its answer is lost, or it ends
			}
			me := o.report()
			if promise(&me, d.epoch) != std.OK {
				continue
			}
			o.promised, o.disk.promised = me.Promised, me.Promised
			promised = append(promised, me)
		}
		w.note("%d stands for %d: %v", r.number, d.epoch, promised)
		if w.rng.IntN(5) == 0 {
			w.crash(r)
			return
		}
		if !elected(r.report(), promised, len(w.replicas)) {
			return
		}
		r.promised, r.disk.promised = d.epoch, d.epoch
		g := &simGroup{epoch: d.epoch, members: []*simReplica{r}}
		w.groups = append(w.groups, g)
		r.group, r.taken = g, 0
		r.mem = simState{epoch: d.epoch, updates: slices.Clone(r.disk.updates)}
		w.note("%d founds %d with %v", r.number, d.epoch, r.mem.updates)
	}
}

// whole reports whether all members of a view are up and can reach each other.
func (w *simWorld) whole(g *simGroup) bool {
	for _, m := range g.members {
		if m.group != g || !w.reach(m, g.members[0]) {
			return false
		}
	}
	return true
}

// reset makes a view of those that can still reach a member.
func (w *simWorld) reset(r *simReplica) {
	g := r.group
	if !slices.Contains(g.members, r) {
		w.leave(r)
		return
	}
	var left []*simReplica
	for _, m := range g.members {
		if m.group == g && w.reach(m, r) {
			left = append(left, m)
		}
	}
	if len(left) >= majority(len(w.replicas)) {
		g.members = left
		w.note("%d: a view of %d", g.epoch, len(left))
		return
	}
	w.leave(r)
}

// leave is giving up: what was safe the replica has received.
func (w *simWorld) leave(r *simReplica) {
	w.take(r, len(r.group.messages))
	w.persist(r)
	w.note("%d leaves %d", r.number, r.group.epoch)
	r.group.members = slices.DeleteFunc(slices.Clone(r.group.members), func(m *simReplica) bool { return m == r })
	r.group = nil
}

// member does what a member does about its group now and then.
func (w *simWorld) member(r *simReplica) {
	switch {
	case r.group == nil:
		w.recover(r)
	case outdated(r.report(), w.reports(r)):
		w.leave(r)
	case !w.whole(r.group) || !slices.Contains(r.group.members, r):
		w.reset(r)
	}
}

func (w *simWorld) send(r *simReplica) {
	g := r.group
	if !w.whole(g) || len(g.members) < majority(len(w.replicas)) {
		return
	}
	w.next++
	g.messages = append(g.messages, simMessage{w.next, g.epoch})
	w.pending[w.next] = r
	w.note("%d sends %d", r.number, w.next)
}

func (w *simWorld) take(r *simReplica, to int) {
	if !slices.Contains(r.group.members, r) {
		return // the group goes on without it
	}
	for ; r.taken < to; r.taken++ {
		r.mem.updates = append(r.mem.updates, r.group.messages[r.taken].update)
	}
}

func (w *simWorld) persist(r *simReplica) {
	r.disk = simState{r.promised, r.mem.epoch, slices.Clone(r.mem.updates)}
}

// answer answers updates of a replica that are safe, by what it can hear.
func (w *simWorld) answer(r *simReplica) {
	kept := make(map[int]Kept)
	for _, o := range w.replicas {
		if o == r || w.reach(r, o) {
			kept[o.number] = o.report().Kept
		}
	}
	for u := 1; u <= w.next; u++ {
		at := slices.Index(r.mem.updates, u)
		if w.pending[u] == r && at >= 0 && safe(r.mem.epoch, uint64(at)+1, kept, len(w.replicas)) {
			delete(w.pending, u)
			w.answered = append(w.answered, u)
			w.note("%d is answered", u)
		}
	}
}

func (w *simWorld) crash(r *simReplica) {
	r.up, r.group = false, nil
	w.note("%d crashes with %v", r.number, r.disk.updates)
	if !w.wiped && w.rng.IntN(10) == 0 {
		w.wiped, r.disk = true, simState{}
		w.note("%d has a new disk", r.number)
	}
}

func (w *simWorld) check() {
	for _, g := range w.groups {
		if !w.whole(g) || len(g.members) < majority(len(w.replicas)) {
			continue
		}
		for _, m := range g.members {
			w.take(m, len(g.messages))
			for _, u := range w.answered {
				if !slices.Contains(m.mem.updates, u) {
					w.t.Fatalf("update %d was answered, and replica %d in epoch %d has %v\n%v", u, m.number, g.epoch, m.mem.updates, w.log)
				}
			}
		}
	}
}

func (w *simWorld) step() {
	r := w.replicas[w.rng.IntN(len(w.replicas))]
	switch w.rng.IntN(14) {
	case 0:
		if r.up && w.rng.IntN(4) == 0 {
			w.crash(r)
		}
	case 1:
		if w.rng.IntN(10) == 0 {
			for _, o := range w.replicas { // power cut
				w.crash(o)
			}
		}
	case 2:
		for _, o := range w.replicas {
			if w.rng.IntN(2) == 0 {
				o.side = w.rng.IntN(3) / 2
			}
		}
	case 3:
		for _, o := range w.replicas {
			o.side = 0
		}
	case 4:
		for _, o := range w.replicas {
			if !o.up && w.rng.IntN(2) == 0 {
				o.up, o.promised, o.mem = true, o.disk.promised, simState{}
			}
		}
	case 5, 6, 7:
		if r.up {
			w.member(r)
		}
	case 8, 9:
		if r.up && r.group != nil && slices.Contains(r.group.members, r) {
			w.send(r)
		}
	case 10:
		if r.up && r.group != nil {
			w.take(r, r.taken+w.rng.IntN(len(r.group.messages)-r.taken+1))
		}
	case 11, 12:
		if r.up && r.group != nil {
			w.persist(r)
		}
	case 13:
		if r.up && r.group != nil {
			w.answer(r)
		}
	}
}

func newSimWorld(t *testing.T, seed uint64) *simWorld {
	w := &simWorld{t: t, rng: rand.New(rand.NewPCG(seed, 3)), pending: make(map[int]*simReplica)}
	for i := range 3 + 2*int(seed%2) {
		w.replicas = append(w.replicas, &simReplica{number: i + 1, up: true})
	}
	return w
}

// Nothing that was answered is ever missing in a group that can answer.
func TestQuorum_NothingAnsweredIsLost(t *testing.T) {
	answered, epochs := 0, 0
	for seed := range uint64(10_000) {
		w := newSimWorld(t, seed)
		for range 400 {
			w.step()
			w.check()
		}
		answered += len(w.answered)
		epochs += len(w.groups)
	}
	t.Logf("%d updates answered in %d epochs", answered, epochs)
	if answered < 20_000 || epochs < 10_000 {
		t.Error("hardly anything happened")
	}
}

// When all are up and can reach each other, they are a group soon, whatever was before.
func TestQuorum_GoesOn(t *testing.T) {
	for seed := range uint64(500) {
		w := newSimWorld(t, 2*seed) // three of them
		for range 300 {
			w.step()
		}
		for _, r := range w.replicas {
			r.side = 0
			if !r.up {
				r.up, r.promised, r.mem = true, r.disk.promised, simState{}
			}
		}
		for range 200 {
			r := w.replicas[w.rng.IntN(3)]
			if !r.up { // it may have crashed as it stood
				r.up, r.promised, r.mem = true, r.disk.promised, simState{}
			}
			if r.group != nil && len(r.group.members) < 2 && w.rng.IntN(10) == 0 {
				w.leave(r) // alone for too long
			}
			if w.member(r); r.group != nil {
				w.persist(r)
			}
		}
		if g := w.replicas[0].group; g == nil || len(g.members) != 3 {
			t.Fatalf("seed %d: no group of all\n%v", seed, w.log[max(0, len(w.log)-30):])
		}
		w.check()
	}
}

func TestDecide(t *testing.T) {
	at := func(n int, promised, epoch, seq, group uint64) Report {
		return Report{Replica: n, Kept: Kept{promised, epoch, seq}, Group: group}
	}
	for name, test := range map[string]struct {
		me     Report
		others []Report
		want   decision
	}{
		"alone":                   {at(1, 0, 0, 0, 0), nil, decision{action: wait}},
		"fresh, not all":          {at(1, 0, 0, 0, 0), []Report{at(2, 0, 0, 0, 0)}, decision{action: wait}},
		"fresh, all":              {at(1, 0, 0, 0, 0), []Report{at(2, 0, 0, 0, 0), at(3, 0, 0, 0, 0)}, decision{stand, ballotStep + 1, 0}},
		"another is first":        {at(2, 0, 0, 0, 0), []Report{at(1, 0, 0, 0, 0), at(3, 0, 0, 0, 0)}, decision{action: wait}},
		"newest":                  {at(3, 65, 65, 9, 0), []Report{at(1, 65, 65, 8, 0)}, decision{stand, ballotStep + 3, 0}},
		"newer epoch":             {at(3, 65, 65, 9, 0), []Report{at(1, 66, 66, 8, 0)}, decision{action: wait}},
		"a group":                 {at(3, 65, 65, 9, 0), []Report{at(1, 65, 65, 8, 65)}, decision{join, 65, 1}},
		"a group that is too old": {at(3, 2*ballotStep+2, 65, 9, 0), []Report{at(1, 65, 65, 8, 65)}, decision{stand, 3*ballotStep + 3, 0}},
		"one knows, two are new":  {at(3, 65, 65, 9, 0), []Report{at(1, 0, 0, 0, 0), at(2, 0, 0, 0, 0)}, decision{stand, ballotStep + 3, 0}},
		"one knows, one is new":   {at(3, 65, 65, 9, 0), []Report{at(1, 0, 0, 0, 0)}, decision{action: wait}},
	} {
		if got := decide(test.me, test.others, 3); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
