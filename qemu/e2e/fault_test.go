package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// Faults at each step of a move: at most one copy of the process runs, ever, and
// while a node that has it lives, one does.
//
// nodetest tries every frame, every time and both ends in simulation. Here are the
// steps on real nodes and a real wire.

const cutBetween = "1/2" // the two nodes; the host hears both

// A partition at each step, healed while both ends still try: the move succeeds or
// fails, and there is one copy where the report says.
func TestFault_PartitionAtEachStep(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 64, Deadline: 4 * time.Minute})
	k := l.ticker(1, "20", "512")
	at := 1
	for _, s := range moveSteps {
		to := 3 - at
		cut := l.at(s, func() { l.faults(bridge.Faults{Partition: cutBetween}) })
		done := k.move(to)
		l.await(cut, "the step "+s.name)
		time.Sleep(700 * time.Millisecond) // the length of the partition
		l.faults(bridge.Faults{})
		at = k.ended(<-done, at, to, s)
		k.progress(5 * time.Second)
	}
}

// The same, and the partition lasts until the source has given up, or is in doubt.
func TestFault_LongPartitionAtEachStep(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 64, Deadline: 6 * time.Minute})
	k := l.ticker(1, "20", "512")
	at := 1
	for _, s := range moveSteps {
		to := 3 - at
		cut := l.at(s, func() { l.faults(bridge.Faults{Partition: cutBetween}) })
		done := k.move(to)
		l.await(cut, "the step "+s.name)
		var m moved
		committed := false
		select {
		case m = <-done:
			if m.err == nil {
				t.Fatalf("%v: moved through a partition: %+v", s, m)
			}
			k.progress(2 * time.Second)
		case <-time.After(20 * time.Second):
			committed = true
		}
		if want := s.name == "commit" || s.name == "committed"; committed != want {
			t.Fatalf("%v: committed is %v; %v, copies %v", s, committed, m.err, k.copies())
		}
		l.faults(bridge.Faults{})
		if committed {
			m = <-done
		}
		at = k.ended(m, at, to, s)
		k.progress(5 * time.Second)
	}
}

// ended checks how a move ended, and returns where the process is.
func (k *ticker) ended(m moved, from, to int, s moveStep) int {
	k.lab.t.Helper()
	k.lab.Bridge().Watch(nil)
	want := to
	if m.err != nil {
		want = from
	}
	if got := k.settled(30 * time.Second); got != want {
		k.lab.t.Fatalf("%v: the process is on node %d; the move from %d to %d ended: %+v", s, got, from, to, m)
	}
	k.lab.t.Logf("%v: on node %d, %v", s, want, m.err)
	return want
}

func (l *robustLab) await(c <-chan struct{}, what string) {
	l.t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		l.t.Fatalf("%s did not come", what)
	}
}

// The target's power is cut before the commit: the process runs on at the source
// within two seconds.
func TestFault_TargetKilledBeforeCommit(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 64, Deadline: 4 * time.Minute})
	k := l.ticker(1, "20", "512")
	for _, s := range moveSteps {
		if s.name == "commit" {
			break
		}
		var cut time.Time
		struck := l.at(s, func() {
			l.faults(bridge.Faults{Partition: cutBetween}) // not even this frame
			l.Node(2).Kill()
			cut = time.Now()
		})
		done := k.move(2)
		l.await(struck, "the step "+s.name)
		l.faults(bridge.Faults{})
		if took := k.progress(10 * time.Second).Sub(cut); took > 2*time.Second {
			t.Errorf("%v: the process stood still for %v", s, took)
		}
		if m := <-done; m.err == nil {
			t.Fatalf("%v: moved to a dead node: %+v", s, m)
		} else {
			t.Logf("%v: %v", s, m.err)
		}
		l.Node(2).Restart()
	}
	m := <-k.move(2)
	k.ended(m, 1, 2, moveStep{name: "without a fault"})
	k.progress(5 * time.Second)
}

// The power of the node that a process has left is cut. Nothing of the process is
// there any more.
func TestFault_SourceKilledAfterMove(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 64})
	p := l.exec(1, client.LogFiles(), "/test/ticker", "20", "512")
	var before string
	for !strings.Contains(before, "\n5\n") {
		before = l.log(p)
	}
	m := <-(&ticker{Process: p, lab: l}).move(2)
	if m.err != nil || m.Node != 2 {
		t.Fatalf("%+v", m)
	}
	l.Node(1).Kill()
	moved := l.log(p)
	for end := time.Now().Add(5 * time.Second); ; {
		now := l.log(p)
		checkTicks(t, now)
		if strings.Count(now, "\n") > strings.Count(moved, "\n")+20 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it printed %q and no more", now)
		}
	}
}

// checkTicks checks that a ticker's output has each line once.
func checkTicks(t testing.TB, out string) {
	t.Helper()
	for i, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if line != strconv.Itoa(i+1) {
			t.Fatalf("line %d is %q", i+1, line)
		}
	}
}

// A doubt that is ended by hand: the user says which copy lives.
func TestFault_Resolve(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 64, Deadline: 3 * time.Minute})
	k := l.ticker(1, "20", "512")
	at := 1
	for _, lives := range []string{"target", "source"} {
		from, to := at, 3-at
		// Of a COMMIT of the last round a copy may still be under way.
		s := moveStep{name: lives + " lives", command: api.MoveCommit, from: from}
		cut := l.at(s, func() { l.faults(bridge.Faults{Partition: cutBetween}) })
		done := k.move(to)
		l.await(cut, "the commit")
		var states map[int]string
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			if states = k.copies(); states[from] == "in-doubt" && states[to] == "arriving" {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the process is not in doubt: %v", states)
			}
		}
		resume, discard := to, from
		if lives == "source" {
			resume, discard = from, to
		}
		for _, r := range []struct {
			node   int
			resume bool
		}{{discard, false}, {resume, true}} {
			if err := l.client.Node(r.node).Resolve(l.within(5*time.Second), k.PID, r.resume); err != nil {
				t.Fatal(err)
			}
		}
		if m := <-done; m.err == nil {
			t.Errorf("%s: the report says that it moved: %+v", lives, m)
		}
		if at = k.settled(10 * time.Second); at != resume {
			t.Fatalf("%s: on node %d", lives, at)
		}
		k.progress(10 * time.Second)
		l.faults(bridge.Faults{})
		k.progress(10 * time.Second)
		if got := k.settled(time.Second); got != resume {
			t.Fatalf("%s: on node %d after the partition", lives, got)
		}
		l.Bridge().Watch(nil)
	}
}
