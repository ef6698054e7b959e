package movetrace

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"motile/proc/api"
	"motile/proc/api/movestep"
)

// Trace is what is to be shown: what one or more nodes have recorded.
type Trace struct {
	ends []end
	axis axis
}

// New puts the records of nodes, of the moves of one process, on one axis.
func New(replies []api.TraceReply) (*Trace, error) {
	t := &Trace{}
	for _, r := range replies {
		for i := range r.Moves {
			t.ends = append(t.ends, end{clock{r.Node, r.Boot}, &r.Moves[i]})
		}
	}
	if len(t.ends) == 0 {
		return nil, errors.New("no node has a record of a move of it")
	}
	t.axis = align(t.ends)
	slices.SortStableFunc(t.ends, func(a, b end) int { return cmp.Compare(t.at(a, a.BeganNs), t.at(b, b.BeganNs)) })
	return t, nil
}

// Ends is how many ends of moves there are: two for each move that both nodes remember.
func (t *Trace) Ends() int { return len(t.ends) }

// UncertainNs is how far apart two things on different nodes may be shown that were at the
// same time.
func (t *Trace) UncertainNs() int64 { return t.axis.uncertain }

// at is a time of an end's clock on the axis.
func (t *Trace) at(e end, ns int64) int64 { return ns - t.axis.ahead[e.clock] }

// Tracks of a node.
const (
	trackPhases = iota + 1
	trackSteps
	trackProcess
	trackMessages // and as many more as messages are under way at a time
)

// drawing is a trace being written.
type drawing struct {
	*Trace
	events []event
	lanes  map[int][]int64 // by node: until when each track of messages is taken
	arrows int
	last   int64
}

// Write writes the trace.
func (t *Trace) Write(w io.Writer) error {
	d := &drawing{Trace: t, lanes: make(map[int][]int64)}
	for _, e := range t.ends {
		d.last = max(d.last, t.at(e, e.EndedNs))
	}
	for i, e := range t.ends {
		d.phases(e)
		d.steps(e)
		d.process(e, t.ends[i+1:])
	}
	d.messages()
	slices.SortStableFunc(d.events, func(a, b event) int { return cmp.Compare(a.Ts, b.Ts) })
	f := &file{Unit: "ms", Events: append(d.names(), d.events...),
		Other: map[string]any{"clocks": fmt.Sprintf("aligned by the messages of the moves, within %.3f ms", float64(t.axis.uncertain)/1e6)}}
	return f.write(w)
}

// slice draws something that lasts.
func (d *drawing) slice(e end, track int, name, cat string, from, to int64, args map[string]any) {
	dur := micros(max(to-from, 0))
	d.events = append(d.events, event{Name: name, Cat: cat, Phase: "X", Ts: micros(d.at(e, from)), Dur: &dur, Node: e.node, Track: track, Args: args})
}

// phases draws the states of the machine, below the whole move.
func (d *drawing) phases(e end) {
	to := fmt.Sprintf("move from node %d", e.Peer)
	if e.Out {
		to = fmt.Sprintf("move to node %d", e.Peer)
	}
	args := map[string]any{"pids": e.PIDs, "command": e.Command, "outcome": cmp.Or(e.Outcome, "under way")}
	if e.Why != "" {
		args["why"] = e.Why
	}
	if e.StepsLost > 0 {
		args["steps_lost"] = e.StepsLost
	}
	d.slice(e, trackPhases, to, "move", e.BeganNs, e.EndedNs, args)
	for i := 0; i < len(e.Steps); {
		k := i
		for k < len(e.Steps) && e.Steps[k].State == e.Steps[i].State {
			k++
		}
		if k < len(e.Steps) { // the last state has no end
			d.slice(e, trackPhases, e.Steps[i].State, "phase", e.Steps[i].AtNs, e.Steps[k].AtNs, nil)
		}
		i = k
	}
}

// steps draws what the machine heard and wanted.
func (d *drawing) steps(e end) {
	for _, s := range e.Steps {
		cat := "event"
		if s.Effect {
			cat = "effect"
		}
		v := event{Name: s.What, Cat: cat, Phase: "i", Ts: micros(d.at(e, s.AtNs)), Node: e.node, Track: trackSteps, Scope: "t"}
		for name, n := range s.Figures {
			if v.Args == nil {
				v.Args = make(map[string]any)
			}
			v.Args[name] = n
		}
		d.events = append(d.events, v)
	}
}

// when is when a machine heard or wanted something for the first time, 0: never.
func (e end) when(what string) int64 {
	for _, s := range e.Steps {
		if s.What == what {
			return s.AtNs
		}
	}
	return 0
}

// process draws when the process runs at this end, and when it stands still. later are the
// ends after this one: where it runs from is its next move's begin.
func (d *drawing) process(e end, later []end) {
	until := d.last + d.axis.ahead[e.clock]
	for _, l := range later {
		if l.node == e.node && l.Out {
			until = l.BeganNs
			break
		}
	}
	runs := func(from, to int64) { d.slice(e, trackProcess, "runs", "process", from, to, nil) }
	if !e.Out {
		if ran := e.when("first run"); ran != 0 {
			runs(ran, until)
		}
		return
	}
	frozen, thawed := e.when("Freeze"), e.when("Thaw")
	if frozen == 0 {
		runs(e.BeganNs, e.EndedNs)
		return
	}
	runs(e.BeganNs, frozen)
	if thawed == 0 {
		d.slice(e, trackProcess, "frozen", "process", frozen, e.EndedNs, nil)
		return
	}
	d.slice(e, trackProcess, "frozen", "process", frozen, thawed, nil)
	runs(thawed, until)
}

// messages draws the messages of all moves, and arrows between their two ends.
func (d *drawing) messages() {
	type drawn struct {
		e     end
		m     *api.TraceMessage
		track int
	}
	var all []drawn
	for _, e := range d.ends {
		for i := range e.Messages {
			all = append(all, drawn{e: e, m: &e.Messages[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(d.at(a.e, a.m.AtNs), d.at(b.e, b.m.AtNs)) })
	tracks := make(map[*api.TraceMessage]drawn)
	for _, x := range all {
		over := x.m.OverNs
		args := map[string]any{"seq": x.m.Seq, "bytes": x.m.Bytes}
		if over == 0 {
			over, args["answered"] = max(x.e.EndedNs, x.m.AtNs), false
		}
		x.track = d.lane(x.e.node, d.at(x.e, x.m.AtNs), d.at(x.e, over))
		d.slice(x.e, x.track, messageName(x.m.Command), "message", x.m.AtNs, over, args)
		tracks[x.m] = x
	}
	for _, s := range d.ends {
		for _, t := range d.ends {
			if !s.Out || t.Out || s.MoveTrace.Boot != t.MoveTrace.Boot || s.Nr != t.Nr {
				continue
			}
			for _, p := range pairs(s.MoveTrace, t.MoveTrace) {
				d.arrow("request", s, tracks[p.sent].track, p.sent.AtNs, t, tracks[p.heard].track, p.heard.AtNs)
				if p.sent.OverNs != 0 && p.heard.OverNs != 0 {
					d.arrow("answer", t, tracks[p.heard].track, last(p.heard), s, tracks[p.sent].track, last(p.sent))
				}
			}
		}
	}
}

// last is the last instant that still belongs to a message.
func last(m *api.TraceMessage) int64 { return max(m.OverNs-1, m.AtNs) }

// lane is a track on which no other message of the node is drawn meanwhile.
func (d *drawing) lane(node int, from, to int64) int {
	lanes := d.lanes[node]
	i := slices.IndexFunc(lanes, func(until int64) bool { return until < from })
	if i < 0 {
		i = len(lanes)
		lanes = append(lanes, 0)
	}
	lanes[i] = to
	d.lanes[node] = lanes
	return trackMessages + i
}

func (d *drawing) arrow(name string, from end, fromTrack int, left int64, to end, toTrack int, came int64) {
	d.arrows++
	tail := event{Name: name, Cat: "message", Phase: "s", Ts: micros(d.at(from, left)), Node: from.node, Track: fromTrack, ID: d.arrows}
	head := event{Name: name, Cat: "message", Phase: "f", Ts: micros(d.at(to, came)), Node: to.node, Track: toTrack, ID: d.arrows, Bind: "e"}
	d.events = append(d.events, tail, head)
}

func messageName(command uint32) string {
	for _, s := range movestep.All {
		if s.Command == command && !s.Answer {
			return s.Name
		}
	}
	return map[uint32]string{api.MoveAbort: "abort", api.MoveStatus: "status"}[command]
}

// names are those of nodes and tracks.
func (d *drawing) names() (all []event) {
	seen := make(map[int]bool)
	for _, e := range d.ends {
		if seen[e.node] {
			continue
		}
		seen[e.node] = true
		name := fmt.Sprintf("node %d", e.node)
		if d.axis.alone[e.clock] {
			name += " (its clock is not aligned: nothing connects it with the others)"
		}
		all = append(all, event{Name: "process_name", Phase: "M", Node: e.node, Args: map[string]any{"name": name}})
		track := func(id int, name string) {
			all = append(all,
				event{Name: "thread_name", Phase: "M", Node: e.node, Track: id, Args: map[string]any{"name": name}},
				event{Name: "thread_sort_index", Phase: "M", Node: e.node, Track: id, Args: map[string]any{"sort_index": id}})
		}
		track(trackPhases, "phases")
		track(trackSteps, "steps")
		track(trackProcess, fmt.Sprintf("process %d", e.PIDs[0]))
		for i := range d.lanes[e.node] {
			track(trackMessages+i, fmt.Sprintf("messages %d", i+1))
		}
	}
	return all
}
