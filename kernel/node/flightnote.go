package node

import (
	"motile/migrate/move"
)

// What the two ends of a move write into the flight recorder: each event that steps a
// machine, and each effect that it wants, by the names those have. A machine that learns
// new ones has them recorded.

// flightWhat is an event or an effect, of a machine of one kind or the other, or a note.
type flightWhat uint16

const (
	sourceHeard flightWhat = iota << 8 // plus a move.SourceEvent
	sourceWants                        // plus a move.Effect
	targetHeard                        // plus a move.TargetEvent
	targetWants                        // plus a move.Effect
	sourceNote                         // plus one of the notes
	targetNote
)

// Notes.
const (
	noteRound = iota // of precopying, over
	noteRan          // a thread has run at the target, or none is going to
)

var noteNames = [...]string{"round", "first run"}

func (w flightWhat) String() string {
	switch code := uint8(w); w &^ 0xff {
	case sourceHeard:
		return move.SourceEvent(code).String()
	case targetHeard:
		return move.TargetEvent(code).String()
	case sourceNote, targetNote:
		return noteNames[code]
	default:
		return move.Effect(code).String()
	}
}

// effect reports whether it is something that was done, and not something that happened.
func (w flightWhat) effect() bool { return w&^0xff == sourceWants || w&^0xff == targetWants }

func (w flightWhat) state(s uint8) string {
	switch w &^ 0xff {
	case sourceHeard, sourceWants, sourceNote:
		return move.SourceState(s).String()
	}
	return move.TargetState(s).String()
}

// figureNames are what the figures of a step are.
var figureNames = map[flightWhat][2]string{
	sourceHeard + flightWhat(move.Start):       {"processes"},
	sourceHeard + flightWhat(move.Accepted):    {"files_missing", "pages"},
	sourceHeard + flightWhat(move.FilesSent):   {"bytes"},
	sourceHeard + flightWhat(move.PagesSent):   {"bytes", "pages_sent"},
	sourceHeard + flightWhat(move.Ready):       {"bytes", "state_bytes"},
	sourceHeard + flightWhat(move.Committed):   {"bytes", "first_run_us"},
	sourceNote + noteRound:                     {"pages_sent", "pages_dirty"},
	targetHeard + flightWhat(move.Offer):       {"files", "pages"},
	targetHeard + flightWhat(move.Prepare):     {"page_messages"},
	targetHeard + flightWhat(move.CommitHeard): {"frozen_us"},
}

func (s *flightStep) figures() map[string]int64 {
	names, ok := figureNames[s.what]
	if !ok {
		return nil
	}
	out := map[string]int64{names[0]: s.a}
	if names[1] != "" {
		out[names[1]] = s.b
	}
	return out
}

// noteEvent writes what has stepped the machine of a source.
func (s *source) noteEvent(ev move.SourceEvent) {
	if ev == move.Start && s.object == nil {
		s.flight = s.n.flights.begin(s.id, true, s.target, s.set.pids(), command(s.set[0]))
	}
	a, b := s.report.Bytes, int64(0)
	switch ev {
	case move.Start:
		a = int64(len(s.set))
	case move.Accepted:
		a, b = int64(len(s.lack)), int64(s.offer.Pages)
	case move.PagesSent:
		b = int64(s.report.Pages)
	case move.Ready:
		b = int64(s.report.StateBytes)
	case move.Committed:
		b = s.report.FirstRunUs
	}
	s.noteRounds()
	s.flight.step(sourceHeard+flightWhat(ev), uint8(s.m.State()), a, b)
}

// noteRounds writes the rounds of precopying that the report has got since.
func (s *source) noteRounds() {
	r := s.flight.record()
	for ; r != nil && r.rounds < len(s.report.Rounds); r.rounds++ {
		round := s.report.Rounds[r.rounds]
		s.flight.step(sourceNote+noteRound, uint8(s.m.State()), int64(round.Pages), int64(round.Dirty))
	}
}

// noteEffect writes what the machine of a source wants done.
func (s *source) noteEffect(e move.Effect) {
	s.flight.step(sourceWants+flightWhat(e), uint8(s.m.State()), 0, 0)
	if e != move.Report || s.object != nil {
		return
	}
	why := s.why
	if s.m.State() == move.Done {
		why = ""
		s.n.flights.count.sent(int64(s.report.Pages), s.report.Bytes, s.n.Tab.Now-s.frozenAt)
	}
	s.flight.end(s.m.State().String(), why)
}

// noteEvent writes what has stepped the machine of a target: not that something of the
// move was heard, for each message is recorded as one.
func (t *target) noteEvent(ev move.TargetEvent) {
	if ev == move.Heard {
		return
	}
	if ev == move.Offer && t.offer.PID != 0 {
		t.flight = t.n.flights.begin(t.id, false, t.offer.Source, append([]int32{t.offer.PID}, t.offer.Others...), t.offer.Command)
	}
	var a, b int64
	switch ev {
	case move.Offer:
		a, b = int64(len(t.offer.Files)), int64(t.offer.Pages)
	case move.Prepare:
		a = int64(len(t.seen))
	case move.CommitHeard:
		a = t.frozen / 1000
	}
	t.flight.step(targetHeard+flightWhat(ev), uint8(t.m.State()), a, b)
	t.last = ev
}

// noteEffect writes what the machine of a target wants done.
func (t *target) noteEffect(e move.Effect) {
	t.flight.step(targetWants+flightWhat(e), uint8(t.m.State()), 0, 0)
	switch e {
	case move.Activate:
		t.flight.end(t.m.State().String(), "")
	case move.Drop:
		t.flight.end(t.m.State().String(), t.whyDropped())
	}
}

// whyDropped is why the processes did not come, as far as their target knows.
func (t *target) whyDropped() string {
	switch {
	case t.why != "":
		return t.why
	case t.last == move.AbortHeard, t.last == move.NotCommitted:
		return "the source has given it up"
	}
	return "the source went silent"
}

// noteRan writes that a thread has run, or that none is going to.
func (t *target) noteRan() { t.flight.step(targetNote+noteRan, uint8(t.m.State()), 0, 0) }
