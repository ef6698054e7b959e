package lab

import (
	"flag"
	"fmt"
	"testing"

	"motile/ipc/sim"
	"motile/ipc/std"
)

var thorough = flag.Bool("lab.thorough", false, "run all cases of the enumerations, not a sample")

// TestFaultAtEveryStep takes a move beside a transaction, for each of the states in
// which the transaction can be when the move begins, and lets every single frame of
// the two be lost, come twice or come late, every node die at every frame, and every
// node be cut off at every frame.
func TestFaultAtEveryStep(t *testing.T) {
	stride := 5
	switch {
	case *thorough:
		stride = 1
	case slow || testing.Short():
		stride = 29 // and so, in turn, all faults at some frame
	}
	cases, moved := 0, 0
	for _, who := range []string{"server", "client", "both, crossing", "both, together"} {
		for _, when := range transactionStates {
			for _, long := range []int{0, 4000} {
				base := beside(who, when.at, long)
				calm := Run(base, nil)
				if calm.Broken != "" {
					t.Fatalf("without a fault: %s\n%s", calm.Errors[0], base)
				}
				if calm.Moves == 0 {
					t.Fatalf("%s, %s: nobody moves", who, when.name)
				}
				for frame := 1; frame <= calm.Copies; frame++ {
					for _, fault := range faultsAt(frame) {
						if cases++; cases%stride != 0 {
							continue
						}
						p := base.Clone()
						p.Strict = fault.Op != "crash"
						p.Events = append(p.Events, fault)
						r := Judge(p)
						if r.Broken != "" {
							t.Fatalf("%s moves, transaction %s: %s\n%s", who, when.name, r.Errors[0], p)
						}
						moved += r.Moves
					}
				}
			}
		}
	}
	t.Logf("%d cases, of them every %d. was run; %d moves", cases, stride, moved)
}

// transactionStates are the instants at which the move begins, named after what the
// transaction is about then. The server works for some milliseconds.
var transactionStates = []struct {
	name string
	at   int64
}{
	{"not begun", 0},
	{"seeking", 150 * sim.Microsecond},
	{"sent", 250 * sim.Microsecond},
	{"about to be at work", 900 * sim.Microsecond},
	{"at work", 2 * sim.Millisecond},
	{"about to be answered", 3300 * sim.Microsecond},
	{"answered", 4100 * sim.Microsecond},
	{"between two", 7 * sim.Millisecond},
	{"acknowledged", 40 * sim.Millisecond},
}

// beside is a plan with a move beside a transaction.
func beside(who string, at int64, long int) *Plan {
	p := &Plan{Seed: 3, Nodes: 3, Strict: true, Actors: []Actor{
		{Kind: "counter", Name: "s", Node: 1, Port: "p", Threads: 1, Work: 3 * sim.Millisecond},
		{Kind: "client", Name: "c", Node: 2, Port: "p", Threads: 1, N: 3, Send: long, Want: long, Patience: 100 * sim.Second},
	}}
	move := func(name string, node int) {
		p.Events = append(p.Events, Event{At: at, Op: "migrate", Actor: name, Node: node, Pages: 1, Build: 200 * sim.Microsecond})
	}
	switch who {
	case "server":
		move("s", 3)
	case "client":
		move("c", 3)
	case "both, crossing":
		move("s", 2)
		move("c", 1)
	case "both, together":
		move("s", 3)
		move("c", 3)
	}
	return p
}

// faultsAt are all that can go wrong when a frame is sent.
func faultsAt(frame int) []Event {
	list := []Event{{Op: "lose"}, {Op: "twice"}, {Op: "late", For: 30 * sim.Millisecond}}
	for node := 1; node <= 3; node++ {
		list = append(list, Event{Op: "crash", Node: node, For: 300 * sim.Millisecond},
			Event{Op: "crash", Node: node, For: 40 * sim.Second}, // longer than a doubt
			Event{Op: "cut", Group: []int{node}, For: 400 * sim.Millisecond})
	}
	for i := range list {
		list[i].Frame = frame
	}
	return list
}

// The checker of whole histories can say no.
func TestLinearizable(t *testing.T) {
	op := func(begun, ended int64, amount, sum uint64) *sim.Op {
		return &sim.Op{Begun: begun, Ended: ended, Amount: amount, Sum: sum, Server: 1}
	}
	lost := &sim.Op{Begun: 3, Ended: -1, Amount: 100}
	for _, c := range []struct {
		ops  []*sim.Op
		want bool
	}{
		{[]*sim.Op{op(1, 2, 5, 5), op(3, 4, 6, 11)}, true},
		{[]*sim.Op{op(1, 2, 5, 5), op(3, 4, 6, 6)}, false},           // the first was forgotten
		{[]*sim.Op{op(1, 2, 5, 11), op(3, 4, 6, 6)}, false},          // the second came before the first
		{[]*sim.Op{op(1, 4, 5, 11), op(2, 3, 6, 6)}, true},           // they were under way together
		{[]*sim.Op{op(1, 2, 5, 5), lost, op(4, 5, 6, 111)}, true},    // executed
		{[]*sim.Op{op(1, 2, 5, 5), lost, op(4, 5, 6, 11)}, true},     // or not
		{[]*sim.Op{op(1, 2, 5, 5), lost, op(4, 5, 6, 211)}, false},   // or twice
		{[]*sim.Op{op(1, 2, 5, 105), lost, op(4, 5, 6, 111)}, false}, // before it was begun
	} {
		if got := linearizable(c.ops); got != c.want {
			t.Errorf("%v: %v", fmt.Sprint(c.ops), got)
		}
	}
}

// So can the one of logs.
func TestIsLog(t *testing.T) {
	post := func(begun, ended int64, seqno, before uint64) *sim.Post {
		return &sim.Post{Begun: begun, Ended: ended, Seqno: seqno, Before: before, Follows: true}
	}
	late := post(1, -1, 9, 5)
	aborted := post(1, 2, 9, 5)
	aborted.Status = std.BCAbort
	unseen := &sim.Post{Begun: 1, Ended: -1}
	joiner := post(3, 4, 5, 0) // received only by somebody who was not there before
	joiner.Follows = false
	for i, c := range []struct {
		posts []*sim.Post
		want  bool
	}{
		{[]*sim.Post{post(1, 2, 3, 0), post(3, 4, 5, 3)}, true},
		{[]*sim.Post{post(1, 4, 5, 3), post(2, 3, 3, 0)}, true},  // they were under way together
		{[]*sim.Post{post(1, 2, 5, 3), post(3, 4, 3, 0)}, false}, // the second came before the first
		{[]*sim.Post{post(1, 2, 3, 0), post(3, 4, 5, 0)}, false}, // the first was forgotten
		{[]*sim.Post{post(1, 2, 3, 0), post(3, 4, 3, 0)}, false}, // one number for both
		{[]*sim.Post{post(1, 2, 3, 0), joiner}, true},
		{[]*sim.Post{post(3, 4, 5, 0), late}, true},
		{[]*sim.Post{post(3, 4, 5, 0), aborted}, true},
		{[]*sim.Post{post(3, 4, 5, 0), unseen}, true},
	} {
		if got := isLog(c.posts); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
