package move

// TargetState is where the target of a move stands.
type TargetState uint8

const (
	TargetIdle TargetState = iota
	Receiving
	Building
	Arriving
	Active
	Dropped
)

var targetNames = [...]string{"idle", "receiving", "building", "arriving", "active", "dropped"}

// TargetEvent is what can happen to the target.
type TargetEvent uint8

const (
	Offer TargetEvent = iota
	Heard             // data of the move came in
	Prepare
	Built
	BuildFailed
	CommitHeard
	AbortHeard
	NotCommitted // the source says it has not committed, and will not
	SourceLost   // the source was restarted
	TargetDiscarded
	TargetResumed
)

// Target is the target's side of one move.
type Target struct {
	state    TargetState
	deadline int64
	effects  []Effect
}

// State reports where the target stands.
func (t *Target) State() TargetState { return t.state }

// Over reports whether the move has ended here.
func (t *Target) Over() bool { return t.state >= Active }

// TakeEffects returns what is to be done, in order; valid until the next Step.
func (t *Target) TakeEffects() []Effect {
	e := t.effects
	t.effects = t.effects[:0]
	return e
}

// NextDeadline is when Tick wants to be called, 0: never.
func (t *Target) NextDeadline() int64 { return t.deadline }

func (t *Target) do(e ...Effect) { t.effects = append(t.effects, e...) }

// Step takes one event; those that do not fit the state are ignored.
func (t *Target) Step(now int64, ev TargetEvent) {
	switch {
	case t.state == TargetIdle && ev == Offer:
		t.state, t.deadline = Receiving, now+silence
		t.do(Reserve, SendAccept)
	case t.state == Receiving && ev == Heard:
		t.deadline = now + silence
	case t.state == Receiving && ev == Prepare:
		t.state, t.deadline = Building, now+building
		t.do(Build)
	case t.state == Building && ev == Built:
		t.state, t.deadline = Arriving, now+askPause
		t.do(SendReady)
	case t.state == Building && ev == BuildFailed:
		t.do(SendRefused)
		t.drop()
	case t.state == Arriving:
		t.stepArriving(now, ev)
	case t.state == Active && ev == CommitHeard:
		t.do(SendCommitted)
	case t.state < Arriving && (ev == AbortHeard || ev == SourceLost || ev == NotCommitted):
		t.drop()
	}
}

func (t *Target) stepArriving(now int64, ev TargetEvent) {
	switch ev {
	case CommitHeard:
		t.state, t.deadline = Active, 0
		t.do(Activate, SendCommitted)
	case TargetResumed:
		t.state, t.deadline = Active, 0
		t.do(Activate)
	case AbortHeard, NotCommitted, SourceLost, TargetDiscarded:
		t.drop()
	case Prepare: // repeated
		t.do(SendReady)
	}
}

func (t *Target) drop() {
	t.state, t.deadline = Dropped, 0
	t.do(Drop)
}

// Tick lets time pass.
func (t *Target) Tick(now int64) {
	if t.deadline == 0 || now < t.deadline {
		return
	}
	switch t.state {
	case Receiving:
		t.drop()
	case Building:
		t.do(SendRefused)
		t.drop()
	case Arriving:
		t.deadline = now + askPause
		t.do(AskSource)
	default:
		t.deadline = 0
	}
}
