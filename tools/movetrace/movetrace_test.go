package movetrace

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"motile/proc/api"
)

// ahead is how far the clock of node 2 is ahead of node 1's in the tests.
const ahead = 5_000_000_000

// source and target are the two ends of a move, as nodes record it. Messages take 100 µs,
// and a target 30 µs.
func source() api.TraceReply {
	step := func(at int64, what, state string, effect bool) api.TraceStep {
		return api.TraceStep{AtNs: at, What: what, State: state, Effect: effect}
	}
	return api.TraceReply{Node: 1, Boot: 11, Moves: []api.MoveTrace{{Boot: 11, Nr: 4, Out: true, Peer: 2, PIDs: []int32{1000007}, Command: "cat",
		Outcome: "done", BeganNs: 1_000_000, EndedNs: 3_000_000,
		Steps: []api.TraceStep{step(1_000_000, "start", "offering", false), step(1_010_000, "SendOffer", "offering", true),
			step(1_250_000, "accepted", "sending", false), step(1_260_000, "files sent", "frozen", false), step(1_270_000, "Freeze", "frozen", true),
			step(1_900_000, "pages sent", "preparing", false), step(3_000_000, "committed", "done", false)},
		Messages: []api.TraceMessage{
			{Command: api.MoveOffer, Bytes: 200, AtNs: 1_020_000, OverNs: 1_250_000},
			{Command: api.MovePages, Seq: 0, Bytes: 60000, AtNs: 1_300_000, OverNs: 1_600_000},
			{Command: api.MovePages, Seq: 1, Bytes: 60000, AtNs: 1_310_000, OverNs: 1_890_000},
			{Command: api.MoveCommit, Bytes: 30, AtNs: 2_000_000, OverNs: 2_990_000},
		}}}}
}

func target() api.TraceReply {
	r := source()
	s := r.Moves[0]
	m := api.MoveTrace{Boot: s.Boot, Nr: s.Nr, Peer: 1, PIDs: s.PIDs, Command: s.Command, Outcome: "active", BeganNs: ahead + 1_110_000, EndedNs: ahead + 2_800_000,
		Steps: []api.TraceStep{{AtNs: ahead + 1_120_000, What: "offer", State: "receiving", Figures: map[string]int64{"pages": 30}},
			{AtNs: ahead + 2_110_000, What: "commit", State: "active"}, {AtNs: ahead + 2_800_000, What: "first run", State: "active"}}}
	for _, g := range s.Messages {
		g.AtNs += ahead + 100_000
		g.OverNs = g.AtNs + 30_000
		m.Messages = append(m.Messages, g)
	}
	return api.TraceReply{Node: 2, Boot: 22, Moves: []api.MoveTrace{m}}
}

// written is what a viewer gets.
func written(t *testing.T, replies ...api.TraceReply) (*Trace, file) {
	t.Helper()
	trace, err := New(replies)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := trace.Write(&b); err != nil {
		t.Fatal(err)
	}
	var f struct {
		Unit   string         `json:"displayTimeUnit"`
		Other  map[string]any `json:"otherData"`
		Events []struct {
			event
			Ts  *float64 `json:"ts"`
			Dur *float64 `json:"dur"`
		} `json:"traceEvents"`
	}
	if err := json.Unmarshal(b.Bytes(), &f); err != nil {
		t.Fatalf("%v in\n%s", err, b.Bytes())
	}
	out := file{Unit: f.Unit, Other: f.Other}
	for _, e := range f.Events {
		if e.Ts == nil || (e.Dur != nil) != (e.Phase == "X") {
			t.Errorf("%+v has no time, or a duration that does not fit", e.event)
			continue
		}
		e.event.Ts = micros(math.Round(*e.Ts * 1000))
		if e.Dur != nil {
			d := micros(math.Round(*e.Dur * 1000))
			e.event.Dur = &d
		}
		out.Events = append(out.Events, e.event)
	}
	return trace, out
}

// check holds a trace against the format: what each kind of event must have, times that
// do not step back, arrows with both ends, forward in time and inside of slices.
func check(t *testing.T, f file) {
	t.Helper()
	arrows := make(map[int]event)
	tracks := make(map[[2]int]bool)
	last := micros(0)
	for _, e := range f.Events {
		at := [2]int{e.Node, e.Track}
		switch {
		case e.Name == "" || e.Node == 0:
			t.Errorf("%+v lacks a name or a node", e)
		case e.Phase == "M":
			if _, ok := e.Args["name"].(string); !ok && e.Name != "thread_sort_index" {
				t.Errorf("%+v gives no name", e)
			}
			tracks[at] = true
			continue
		case !tracks[at]:
			t.Errorf("%+v is on a track without a name", e)
		case e.Ts < last:
			t.Errorf("%+v is before what stands before it", e)
		case e.Phase == "X" && *e.Dur < 0, e.Phase == "i" && e.Scope != "t":
			t.Errorf("%+v", e)
		case e.Phase == "s":
			if _, ok := arrows[e.ID]; ok || e.ID == 0 {
				t.Errorf("%+v begins a second time", e)
			}
			arrows[e.ID] = e
		case e.Phase == "f":
			tail, ok := arrows[e.ID]
			if !ok || tail.Name != e.Name || tail.Cat != e.Cat || tail.Node == e.Node || e.Bind != "e" {
				t.Errorf("arrow %+v has no tail that fits: %+v", e, tail)
			}
			arrows[e.ID] = event{}
		case e.Phase != "X" && e.Phase != "i":
			t.Errorf("%+v is of no kind we write", e)
		}
		last = e.Ts
		if e.Phase == "s" || e.Phase == "f" {
			inside(t, f, e)
		}
	}
	for id, tail := range arrows {
		if tail.ID != 0 {
			t.Errorf("arrow %d has no head", id)
		}
	}
}

func inside(t *testing.T, f file, end event) {
	t.Helper()
	for _, e := range f.Events {
		if e.Phase == "X" && e.Node == end.Node && e.Track == end.Track && e.Ts <= end.Ts && end.Ts <= e.Ts+*e.Dur {
			return
		}
	}
	t.Errorf("%+v lies in no slice", end)
}

func (f file) count(phase, name string) (n int) {
	for _, e := range f.Events {
		if e.Phase == phase && e.Name == name {
			n++
		}
	}
	return n
}

func TestTrace_BothEnds(t *testing.T) {
	trace, f := written(t, source(), target())
	check(t, f)
	// The tightest messages say 100 µs one way, and 70 µs back at least.
	if got := trace.axis.ahead[clock{2, 22}] - trace.axis.ahead[clock{1, 11}]; got < ahead-100_000 || got > ahead+100_000 {
		t.Errorf("node 2 is taken to be ahead by %d, not by %d", got, ahead)
	}
	if u := trace.UncertainNs(); u <= 0 || u > 100_000 {
		t.Errorf("uncertain by %d ns", u)
	}
	for what, n := range map[[2]string]int{{"X", "pages"}: 4, {"X", "offering"}: 1, {"X", "receiving"}: 1, {"X", "frozen"}: 2, {"X", "runs"}: 2,
		{"i", "Freeze"}: 1, {"i", "first run"}: 1, {"s", "request"}: 4, {"s", "answer"}: 4, {"f", "request"}: 4, {"f", "answer"}: 4} {
		if got := f.count(what[0], what[1]); got != n {
			t.Errorf("%v is there %d times, want %d", what, got, n)
		}
	}
	if f.Events[len(f.Events)-1].Ts > 3_000_000 {
		t.Error("the axis does not begin with the move")
	}
}

// One end has forgotten the move, or was restarted: the other one's is shown.
func TestTrace_OneEnd(t *testing.T) {
	for _, r := range []api.TraceReply{source(), target()} {
		_, f := written(t, r, api.TraceReply{Node: 3, Boot: 33})
		check(t, f)
		if f.count("s", "request") != 0 || f.count("X", "pages") != 2 {
			t.Errorf("%+v", f)
		}
	}
	if _, err := New([]api.TraceReply{{Node: 1}, {Node: 2}}); err == nil {
		t.Error("a trace of nothing")
	}
}

// A clock that no message connects with the others is said to be so.
func TestTrace_Alone(t *testing.T) {
	other := target()
	other.Moves[0].Nr++
	trace, f := written(t, source(), other)
	check(t, f)
	if !trace.axis.alone[clock{2, 22}] || trace.axis.alone[clock{1, 11}] {
		t.Errorf("%+v", trace.axis)
	}
}

// A COMMIT that was repeated is not taken for the one that was heard.
func TestAlign_RepeatedCommit(t *testing.T) {
	s, d := source(), target()
	m := &s.Moves[0]
	m.Messages[3].OverNs = 0
	again := m.Messages[3]
	again.Seq, again.AtNs, again.OverNs = 1, 90_000_000, 90_900_000
	m.Messages = append(m.Messages, again)
	if n := len(pairs(m, &d.Moves[0])); n != 3 {
		t.Errorf("%d pairs, want those of OFFER and two messages of pages", n)
	}
}

// Three nodes in a row: the third is aligned by way of the second.
func TestAlign_Chain(t *testing.T) {
	first, second, third := source(), target(), target()
	hop := source().Moves[0]
	hop.Boot, hop.Nr, hop.Peer = 22, 9, 3
	shift := func(m *api.MoveTrace, by int64) {
		m.BeganNs, m.EndedNs = m.BeganNs+by, m.EndedNs+by
		for i := range m.Steps {
			m.Steps[i].AtNs += by
		}
		for i := range m.Messages {
			m.Messages[i].AtNs, m.Messages[i].OverNs = m.Messages[i].AtNs+by, m.Messages[i].OverNs+by
		}
	}
	shift(&hop, ahead+10_000_000)
	second.Moves = append(second.Moves, hop)
	third.Node, third.Boot = 3, 33
	third.Moves[0].Boot, third.Moves[0].Nr, third.Moves[0].Peer = 22, 9, 2
	shift(&third.Moves[0], ahead+10_000_000)
	trace, f := written(t, third, first, second)
	check(t, f)
	got := trace.axis.ahead[clock{3, 33}] - trace.axis.ahead[clock{1, 11}]
	if got < 2*ahead-200_000 || got > 2*ahead+200_000 {
		t.Errorf("node 3 is taken to be ahead by %d, not by %d", got, int64(2*ahead))
	}
}
