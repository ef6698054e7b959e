package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/movestep"
	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// Faults at each step of a move: at most one copy of the process runs, ever, and
// while a node that has it lives, one does.
//
// nodetest tries every frame, every time and both ends in simulation, and each of the
// named steps (movestep). Here are those on real nodes and a real wire.

const cutBetween = "1/2" // the two nodes; the host hears both

// mover starts a ticker, or a tree that has one, whose next move takes every step: no other
// node has the file that is its input, and its log is too long for one message.
func (l *robustLab) mover(node int, tree bool) *ticker {
	l.t.Helper()
	file, err := client.NewFile(strings.NewReader("input " + strconv.Itoa(l.movers)))
	if err != nil {
		l.t.Fatal(err)
	}
	l.movers++
	path := file.Place("input")
	if err := l.client.Node(node).PutFile(l.within(10*time.Second), file, path); err != nil {
		l.t.Fatal(err)
	}
	then := "exec /test/ticker 20 256"
	if tree {
		then = "/test/ticker 20 256 | cat"
	}
	k := l.tick(node, api.FileRef{Path: path}, &api.FileRef{Log: true}, "/bin/sh", "-c", "head -c 524288 /dev/zero >&2; "+then)
	if tree {
		if k.pids = append(k.pids, l.below(k.PID)...); len(k.pids) != 3 {
			l.t.Fatalf("not a tree of three:\n%s", l.ps())
		}
	}
	for k.Last() < 5 {
		k.progress(5 * time.Second)
	}
	return k
}

// end ends a ticker, and what its node would remember of it: its log is half a megabyte.
func (k *ticker) end() {
	l := k.lab
	l.t.Helper()
	ctx := l.within(10 * time.Second)
	l.must(l.client.Process(k.pids[len(k.pids)-1]).Destroy(ctx)) // a pipeline ends with any of its members
	_, err := k.Wait(ctx)
	l.must(err)
	l.must(k.Destroy(ctx))
}

// A partition at each step, healed while both ends still try: the move succeeds or
// fails, and there is one copy where the report says.
func TestFault_PartitionAtEachStep(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96, Deadline: 4 * time.Minute})
	for _, tree := range []bool{false, true} {
		for _, s := range movestep.All {
			k := l.mover(1, tree)
			cut := l.at(s, 1, func() { l.faults(bridge.Faults{Partition: cutBetween}) })
			done := k.move(2)
			l.await(cut, "the step "+s.Name)
			time.Sleep(700 * time.Millisecond) // the length of the partition
			l.faults(bridge.Faults{})
			k.ended(<-done, 1, 2, fmt.Sprintf("tree %v, %v", tree, s))
			k.progress(5 * time.Second)
			k.end()
		}
	}
}

// The same, and the partition lasts until the source has given up, or is in doubt.
func TestFault_LongPartitionAtEachStep(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96, Deadline: 6 * time.Minute})
	for _, s := range movestep.All {
		k := l.mover(1, false)
		cut := l.at(s, 1, func() { l.faults(bridge.Faults{Partition: cutBetween}) })
		done := k.move(2)
		l.await(cut, "the step "+s.Name)
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
		if committed != s.Committing() {
			t.Fatalf("%v: committed is %v; %v, copies %v", s, committed, m.err, k.copies())
		}
		l.faults(bridge.Faults{})
		if committed {
			m = <-done
		}
		k.ended(m, 1, 2, s.Name)
		k.progress(5 * time.Second)
		k.end()
	}
}

// ended checks how a move ended, of all who were to move, and returns where they are.
func (k *ticker) ended(m moved, from, to int, s string) int {
	k.lab.t.Helper()
	k.lab.Bridge().Watch(nil)
	want := to
	if m.err != nil {
		want = from
	}
	k.lab.t.Logf("%s: to be on node %d, %v", s, want, m.err)
	k.remains(want, 30*time.Second)
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

// fall cuts a node's power at a step of the ticker's move from node 1 to node 2: not even
// that step's frame arrives. It returns when that was. The frame is dropped after that, so the two
// nodes stay apart until rise.
func (k *ticker) fall(node int, s movestep.Step) (cut time.Time, done <-chan moved) {
	l := k.lab
	l.t.Helper()
	struck := l.at(s, 1, func() {
		l.faults(bridge.Faults{Partition: cutBetween})
		l.Node(node).Kill()
		cut = time.Now()
	})
	done = k.move(2)
	l.await(struck, "the step "+s.Name)
	l.Bridge().Watch(nil)
	return cut, done
}

// rise gives a node that fell its power and its network back.
func (l *robustLab) rise(node int) {
	l.faults(bridge.Faults{})
	l.Node(node).Restart()
}

// remains waits until each of the processes has exactly one copy, which can run, on a
// node; 0: until none has any.
func (k *ticker) remains(node int, limit time.Duration) {
	k.lab.t.Helper()
	for _, pid := range k.pids {
		for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
			states := k.lab.copies(pid)
			if s := states[node]; node == 0 && len(states) == 0 || len(states) == 1 && s != "" && strings.Contains("RSD", s) {
				break
			}
			if time.Now().After(end) {
				k.lab.t.Fatalf("process %d should be on node %d after %v (0: nowhere); it is in these states: %v", pid, node, limit, states)
			}
		}
	}
}

// The target's power is cut: until the commit the process runs on at the source within
// two seconds, and is lost after it.
func TestFault_TargetKilledAtEachStep(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96, Deadline: 4 * time.Minute})
	k := l.mover(1, false)
	for _, s := range movestep.All {
		cut, done := k.fall(2, s)
		if !s.Committing() {
			if took := k.progress(10 * time.Second).Sub(cut); took > 2*time.Second {
				t.Errorf("%v: the process stood still for %v", s, took)
			}
		}
		lines := k.Last()
		l.rise(2)
		m := <-done
		if m.err == nil {
			t.Fatalf("%v: moved to a dead node: %+v", s, m)
		}
		t.Logf("%v: %v", s, m.err)
		if !s.Committing() {
			k.remains(1, 10*time.Second)
			continue
		}
		k.remains(0, 10*time.Second)
		if got := k.Last(); got != lines || k.Err() != nil {
			t.Errorf("%v: it was lost behind line %d, and has printed %d: %v", s, lines, got, k.Err())
		}
		k = l.mover(1, false)
	}
	m := <-k.move(2)
	k.ended(m, 1, 2, "without a fault")
	k.progress(5 * time.Second)
}

// The source's power is cut: whoever moves is at the target, if that has been told to
// run it, and is lost with the source if not. That goes for all of a tree.
func TestFault_SourceKilledAtEachStep(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96, Deadline: 4 * time.Minute})
	type fate struct {
		*ticker
		what  string
		node  int // where it is, 0: lost
		lines int // when that was known
		done  <-chan moved
	}
	var fates []fate
	for _, tree := range []bool{false, true} {
		for _, s := range movestep.All {
			f := fate{ticker: l.mover(1, tree), what: fmt.Sprintf("tree %v, %v", tree, s)}
			_, f.done = f.fall(1, s)
			if s.Arrived() {
				f.node = 2
				f.progress(5 * time.Second)
			}
			for _, pid := range f.pids { // whatever the target has, it does not run it for want of a source
				if states := l.copies(pid); f.node == 0 && states[2] != "" && states[2] != "arriving" {
					t.Fatalf("%s: process %d: %v", f.what, pid, states)
				}
			}
			l.rise(1)
			f.remains(f.node, 10*time.Second)
			f.lines = f.Last()
			fates = append(fates, f)
		}
	}
	for _, f := range fates {
		m := <-f.done
		t.Logf("%s: on node %d, %d lines, %v", f.what, f.node, f.lines, m.err)
		if m.err == nil {
			t.Errorf("%s: a report came: %+v", f.what, m)
		}
		if f.node != 0 {
			f.progress(5 * time.Second)
		}
		f.remains(f.node, time.Second)
		switch got := f.Last(); {
		case f.Err() != nil:
			t.Errorf("%s: %v", f.what, f.Err())
		case (got > f.lines) != (f.node != 0):
			t.Errorf("%s: %d lines, then %d", f.what, f.lines, got)
		}
	}
}

// The power of the node that a process has left is cut. Nothing of the process is
// there any more.
func TestFault_SourceKilledAfterMove(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96})
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
	l := newRobustLab(t, harness.Options{Nodes: 2, MemMB: 96, Deadline: 3 * time.Minute})
	k := l.ticker(1, "20", "512")
	at := 1
	for _, lives := range []string{"target", "source"} {
		from, to := at, 3-at
		s := movestep.Step{Name: lives + " lives", Command: api.MoveCommit}
		cut := l.at(s, from, func() { l.faults(bridge.Faults{Partition: cutBetween}) })
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
