package move

import "fmt"

// Names of events and states, for people and for records of moves. They are given by key:
// a table by position would be wrong, unnoticed, as soon as an event is added.

var sourceEventNames = [...]string{
	Start: "start", Accepted: "accepted", Refused: "refused", FilesSent: "files sent", PagesSent: "pages sent",
	Ready: "ready", Committed: "committed", Failed: "failed", TargetLost: "target lost", Discarded: "discarded by hand", Resumed: "resumed by hand",
}

func (e SourceEvent) String() string { return name(sourceEventNames[:], int(e), "source event") }

var targetEventNames = [...]string{
	Offer: "offer", Heard: "heard", Prepare: "prepare", Built: "built", BuildFailed: "build failed", CommitHeard: "commit",
	AbortHeard: "abort", NotCommitted: "not committed", SourceLost: "source lost", TargetDiscarded: "discarded by hand", TargetResumed: "resumed by hand",
}

func (e TargetEvent) String() string { return name(targetEventNames[:], int(e), "target event") }

func (s TargetState) String() string { return name(targetNames[:], int(s), "target state") }

func name(names []string, i int, of string) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return fmt.Sprintf("%s %d", of, i)
}
