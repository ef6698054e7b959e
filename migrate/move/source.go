package move

// SourceState is where the source of a move stands.
type SourceState uint8

const (
	SourceIdle SourceState = iota
	Offering
	Sending
	Frozen
	Preparing
	Committing
	Done
	Lost
	Aborted
)

var sourceNames = [...]string{"idle", "offering", "sending", "frozen", "preparing", "committing", "done", "lost", "aborted"}

func (s SourceState) String() string { return sourceNames[s] }

// SourceEvent is what can happen to the source.
type SourceEvent uint8

const (
	Start SourceEvent = iota
	Accepted
	Refused
	FilesSent
	PagesSent
	Ready
	Committed
	Failed     // a transaction with the target ended in an error
	TargetLost // the target was restarted
	Discarded  // resolve PID discard
	Resumed    // resolve PID resume
)

// Effect is what whoever runs a machine must do, in order.
type Effect uint8

const (
	// Of the source.
	SendOffer Effect = iota
	SendFiles
	Freeze // stop the process, answer BUSY for its addresses, capture
	SendPages
	SendPrepare
	Commit // write down that there is no way back
	SendCommit
	Discard // drop the copy; the addresses are the target's
	Thaw
	SendAbort
	GoSilent // stop answering BUSY: NOTHERE from now on
	Report   // tell who asked for the move

	// Of the target.
	Reserve
	SendAccept
	Build
	SendReady
	SendRefused
	Activate
	SendCommitted
	Drop
	AskSource
)

var effectNames = [...]string{"SendOffer", "SendFiles", "Freeze", "SendPages", "SendPrepare", "Commit",
	"SendCommit", "Discard", "Thaw", "SendAbort", "GoSilent", "Report",
	"Reserve", "SendAccept", "Build", "SendReady", "SendRefused", "Activate", "SendCommitted", "Drop", "AskSource"}

func (e Effect) String() string { return effectNames[e] }

// Times of the protocol, in ns.
const (
	commitPause = 100e6 // between two COMMITs that failed
	doubt       = 30e9  // how long a committed source answers BUSY
	silence     = 15e9  // a receiving target gives up on its source
	askPause    = 2e9   // an arriving target asks its source
	// building is how long objects may take to answer that somebody else has them open now.
	// Two moves at once whose objects are each other's wait in vain: both stand still.
	building = 12e9
)

// Source is the source's side of one move. Its owner steps it and does what
// TakeEffects says. The zero Source is idle.
type Source struct {
	state     SourceState
	committed int64 // when
	deadline  int64
	retry     bool // COMMIT is to be repeated at deadline
	silent    bool
	effects   []Effect
}

// State reports where the source stands.
func (s *Source) State() SourceState { return s.state }

// InDoubt reports whether the process is neither here nor known to be there.
func (s *Source) InDoubt() bool { return s.state == Committing }

// Over reports whether the move has ended.
func (s *Source) Over() bool { return s.state >= Done }

// TakeEffects returns what is to be done, in order; valid until the next Step.
func (s *Source) TakeEffects() []Effect {
	e := s.effects
	s.effects = s.effects[:0]
	return e
}

// NextDeadline is when Tick wants to be called, 0: never.
func (s *Source) NextDeadline() int64 { return s.deadline }

func (s *Source) do(e ...Effect) { s.effects = append(s.effects, e...) }

// Step takes one event. Events that do not fit the state are old news: they are
// ignored, so that repeated and late messages do no harm.
func (s *Source) Step(now int64, ev SourceEvent) {
	switch {
	case s.state == SourceIdle && ev == Start:
		s.state = Offering
		s.do(SendOffer)
	case s.state == Offering && ev == Accepted:
		s.state = Sending
		s.do(SendFiles)
	case s.state == Offering && ev == Refused:
		s.state = Aborted
		s.do(Report)
	case s.state == Sending && ev == FilesSent:
		s.state = Frozen
		s.do(Freeze, SendPages)
	case s.state == Frozen && ev == PagesSent:
		s.state = Preparing
		s.do(SendPrepare)
	case s.state == Preparing && ev == Ready:
		s.state, s.committed = Committing, now
		s.deadline = now + doubt
		s.do(Commit, SendCommit)
	case s.state == Committing:
		s.stepCommitted(now, ev)
	case s.state < Committing && (ev == Failed || ev == TargetLost || ev == Refused):
		s.abort()
	}
}

func (s *Source) abort() {
	frozen := s.state == Frozen || s.state == Preparing
	s.state, s.deadline = Aborted, 0
	if frozen {
		s.do(Thaw)
	}
	s.do(SendAbort, Report)
}

func (s *Source) stepCommitted(now int64, ev SourceEvent) {
	switch ev {
	case Committed:
		s.end(Done, Discard)
	case TargetLost, Discarded:
		s.end(Lost, Discard)
	case Resumed:
		s.end(Aborted, Thaw)
	case Failed:
		s.retry, s.deadline = true, now+commitPause
	}
}

func (s *Source) end(state SourceState, e Effect) {
	s.state, s.deadline = state, 0
	s.do(e, Report)
}

// Tick lets time pass.
func (s *Source) Tick(now int64) {
	if s.deadline == 0 || now < s.deadline {
		return
	}
	s.deadline = 0
	if s.state != Committing {
		return
	}
	if !s.silent && now >= s.committed+doubt {
		s.silent = true
		s.do(GoSilent)
	}
	if s.retry {
		s.retry = false
		s.do(SendCommit)
	}
	if !s.silent {
		s.deadline = s.committed + doubt
	}
}
