package nodetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
	"motile/proc/api/movestep"
)

// trace is what a node has recorded of the moves of a process; pid 0: of all.
func (w *World) trace(node int, pid int32) (moves []api.MoveTrace) {
	w.T.Helper()
	var r api.TraceReply
	e := w.ask(w.Key.NodeCap(node), std.Header{Command: api.Trace, Offset: uint64(pid)}, nil)
	if err := image.Unmarshal(e.Data, &r); err != nil || r.Node != node || r.Boot == 0 {
		w.T.Fatalf("%v: %+v", err, r)
	}
	return r.Moves
}

// metric is a value of a node's metrics, by the label if it has one.
func (w *World) metric(node int, name, label string) float64 {
	w.T.Helper()
	var r api.MetricsReply
	if err := image.Unmarshal(w.ask(w.Key.NodeCap(node), std.Header{Command: api.Metrics}, nil).Data, &r); err != nil {
		w.T.Fatal(err)
	}
	for _, m := range r.Metrics {
		for _, v := range m.Values {
			if m.Name == name && v.Label == label {
				return v.Value
			}
		}
	}
	w.T.Fatalf("node %d has no metric %s %s", node, name, label)
	return 0
}

// stepsOf are the steps of a move, as they were recorded; a step that is repeated is there once.
func stepsOf(t *testing.T, m *api.MoveTrace) (out []string) {
	t.Helper()
	at := m.BeganNs
	for _, s := range m.Steps {
		if s.AtNs < at || s.State == "" {
			t.Errorf("%+v after %d", s, at)
		}
		at = s.AtNs
		out = append(out, s.What)
	}
	if m.EndedNs != at {
		t.Errorf("ended at %d, the last step was at %d", m.EndedNs, at)
	}
	return slices.Compact(out)
}

// inOrder reports what of a list is not there, in that order.
func inOrder(have []string, want ...string) (missing string) {
	for _, w := range want {
		i := slices.Index(have, w)
		if i < 0 {
			return w
		}
		have = have[i+1:]
	}
	return ""
}

var (
	sourceSteps = []string{"start", "SendOffer", "accepted", "SendFiles", "files sent", "Freeze", "SendPages", "pages sent", "SendPrepare", "ready",
		"Commit", "SendCommit", "committed", "Discard", "Report"}
	targetSteps = []string{"offer", "Reserve", "SendAccept", "prepare", "Build", "built", "SendReady", "commit", "Activate", "SendCommitted", "first run"}
)

func TestFlight_MoveComesAbout(t *testing.T) {
	m := newMover(t, true)
	m.w.Wire.Delay = 200_000 // so that the freeze takes over 1 ms
	m.order()
	m.w.RunUntil(20e9, "moved", func() bool { return m.reply != nil })
	if m.reply.Error != "" {
		t.Fatal(m.reply.Error)
	}
	for i, pid := range m.pids { // it is found by each of those that have moved
		out, in := m.w.trace(1, pid), m.w.trace(2, pid)
		if len(out) != 1 || len(in) != 1 {
			t.Fatalf("process %d: %+v, %+v", i, out, in)
		}
		s, d := &out[0], &in[0]
		if !s.Out || s.Peer != 2 || s.Outcome != "done" || s.Why != "" || d.Out || d.Peer != 1 || d.Outcome != "active" || s.Nr != d.Nr || s.Boot != d.Boot {
			t.Errorf("%+v\n%+v", s, d)
		}
		have := stepsOf(t, s)
		if w := inOrder(have, sourceSteps...); w != "" {
			t.Errorf("the source lacks %q in %q", w, have)
		}
		have = stepsOf(t, d)
		if w := inOrder(have, targetSteps...); w != "" {
			t.Errorf("the target lacks %q in %q", w, have)
		}
		if s.Steps[0].Figures["processes"] != int64(len(m.pids)) {
			t.Errorf("%+v", s.Steps[0])
		}
		sameMessages(t, s, d, m.reply.Report.Bytes)
	}
	if len(m.w.trace(1, 1000999)) != 0 {
		t.Error("there is a record of somebody who never moved")
	}
	for _, c := range []struct {
		node        int
		name, label string
		want        float64
	}{
		{1, "moves_begun", "out", 1}, {1, "moves_committed", "out", 1}, {1, "moves_aborted", "out", 0}, {1, "moves_begun", "in", 0},
		{2, "moves_begun", "in", 1}, {2, "moves_committed", "in", 1}, {2, "moves_committed", "out", 0},
		{1, "move_freeze", "+Inf", 1}, {1, "move_freeze", "0.001", 0}, {2, "move_freeze", "+Inf", 0},
		{1, "moved_pages", "", float64(m.reply.Report.Pages)}, {1, "moved", "", float64(m.reply.Report.Bytes)},
	} {
		if got := m.w.metric(c.node, c.name, c.label); got != c.want {
			t.Errorf("node %d says %s %s is %v, want %v", c.node, c.name, c.label, got, c.want)
		}
	}
}

// sameMessages checks that each message of a move was recorded at both ends, and answered.
func sameMessages(t *testing.T, s, d *api.MoveTrace, atLeast int64) {
	t.Helper()
	kind := func(m api.TraceMessage) string { return fmt.Sprintf("%d/%d: %d", m.Command, m.Seq, m.Bytes) }
	list := func(of *api.MoveTrace) (out []string) {
		for _, m := range of.Messages {
			if m.OverNs == 0 || m.OverNs < m.AtNs || m.AtNs < of.BeganNs {
				t.Errorf("%+v of a move that began at %d", m, of.BeganNs)
			}
			out = append(out, kind(m))
		}
		slices.Sort(out)
		return out
	}
	if a, b := list(s), list(d); !slices.Equal(a, b) {
		t.Errorf("the source has sent\n%s\nand the target got\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	commands, bytes := make(map[uint32]bool), int64(0)
	for _, m := range s.Messages {
		commands[m.Command] = true
		bytes += int64(m.Bytes)
	}
	for _, step := range movestep.All {
		if !commands[step.Command] {
			t.Errorf("no %s among the messages", step.Name)
		}
	}
	if bytes < atLeast {
		t.Errorf("%d bytes in all messages; %d of pages and files alone", bytes, atLeast)
	}
}

// A move that comes to nothing says why, at both ends, whatever step it came to.
func TestFlight_AbortSaysWhy(t *testing.T) {
	for _, s := range movestep.All {
		if s.Arrived() || s.Committing() {
			continue // after the commit there is no way back
		}
		t.Run(s.Name, func(t *testing.T) {
			m := newMover(t, false)
			m.strike(s, func() { m.w.Wire.Cut = func(from, to int) bool { return from+to == 3 && from*to == 2 } })
			m.w.RunUntil(60e9, "given up", func() bool { return m.reply != nil })
			m.w.Wire.Cut = nil
			m.w.Run(40e9) // the target notices later
			out, in := m.w.trace(1, m.pids[0]), m.w.trace(2, m.pids[0])
			if len(out) != 1 || out[0].Outcome != "aborted" || out[0].Why != m.reply.Error || out[0].Why == "" {
				t.Fatalf("%+v, and the order was answered %q", out, m.reply.Error)
			}
			if have := stepsOf(t, &out[0]); inOrder(have, "start", "failed", "SendAbort", "Report") != "" || slices.Contains(have, "Commit") {
				t.Errorf("%q", have)
			}
			frozen := slices.ContainsFunc(out[0].Steps, func(s api.TraceStep) bool { return s.What == "Freeze" })
			if thawed := slices.ContainsFunc(out[0].Steps, func(s api.TraceStep) bool { return s.What == "Thaw" }); thawed != frozen {
				t.Errorf("frozen %v, thawed %v", frozen, thawed)
			}
			for _, d := range in { // none if the offer was lost
				if d.Outcome != "dropped" || d.Why == "" {
					t.Errorf("the target says %q, %q", d.Outcome, d.Why)
				}
			}
			if s.Name != "offer" && len(in) != 1 {
				t.Errorf("the target has %d records", len(in))
			}
			if got := m.w.metric(1, "moves_aborted", "out"); got != 1 {
				t.Errorf("%v moves aborted", got)
			}
		})
	}
}

func TestFlight_Refused(t *testing.T) {
	m := newMover(t, false)
	m.w.Nodes[2].K.Pressure = func() bool { return true }
	m.order()
	m.w.RunUntil(20e9, "refused", func() bool { return m.reply != nil })
	out := m.w.trace(1, m.pids[0])
	if len(out) != 1 || out[0].Outcome != "aborted" || !strings.Contains(out[0].Why, "nearly used up") || inOrder(stepsOf(t, &out[0]), "start", "refused", "Report") != "" {
		t.Errorf("%+v", out)
	}
}

// In doubt a source repeats COMMIT until somebody decides: the record keeps how the move
// began, and the newest step.
func TestFlight_DoubtIsBounded(t *testing.T) {
	m := newMover(t, false)
	cut := func(from, to int) bool { return from+to == 3 && from*to == 2 }
	m.strike(movestep.All[10], func() { m.w.Wire.Cut = cut })
	m.w.Run(300e9)
	out := m.w.trace(1, m.pids[0])
	if len(out) != 1 || len(out[0].Steps) > 48 || out[0].Outcome != "" || inOrder(stepsOf(t, &out[0]), sourceSteps[:12]...) != "" {
		t.Fatalf("%+v", out)
	}
	m.w.Wire.Cut = nil
	m.w.RunUntil(60e9, "settled", func() bool { return m.reply != nil })
	out = m.w.trace(1, m.pids[0])
	if last := out[0].Steps[len(out[0].Steps)-1]; last.What != "Report" || out[0].Outcome != "done" {
		t.Errorf("%+v", out[0])
	}
}

// The last 64 moves are remembered, and no more, with what there is room for of their messages.
func TestFlight_Ring(t *testing.T) {
	w := New(t, 2, 5)
	pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject())).PID
	w.Run(200e6)
	const moves = 80
	for i := range moves {
		w.Move(pid, 2-i%2)
	}
	for n := 1; n <= 2; n++ {
		all := w.trace(n, 0)
		if len(all) != 64 {
			t.Fatalf("node %d remembers %d moves", n, len(all))
		}
		if !slices.IsSortedFunc(all, func(a, b api.MoveTrace) int { return cmp.Compare(a.BeganNs, b.BeganNs) }) {
			t.Error("not in order")
		}
		for i, m := range all {
			want := []string{"active", "done"}[b2i(m.Out)]
			if m.Outcome != want || len(m.Messages) < 4 {
				t.Errorf("move %d: %q with %d messages", i, m.Outcome, len(m.Messages))
			}
		}
		if got := w.metric(n, "moves_committed", "out") + w.metric(n, "moves_committed", "in"); got != moves {
			t.Errorf("node %d counts %v moves", n, got)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
