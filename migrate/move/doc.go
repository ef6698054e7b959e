// Package move is the hand-over of a process (or of objects nobody local holds
// any more) from one node to another: two state machines, source and target,
// that never hold two runnable copies.
//
// # One commit line
//
// The source decides. Until it commits, every error leads to one end: the source
// thaws its copy, the target drops its own, and nobody noticed. Once it has
// committed, the source never resumes its copy and repeats COMMIT until the
// target says COMMITTED or turns out to have been restarted. The target, once
// READY, drops its copy only when it learns that the source did not commit: by
// ABORT, by an answer to its question, or because the source was restarted.
// So a process can be lost with the node that holds it; it cannot run twice.
//
// # Source
//
//	state       event        → state        effects
//	Idle        Start        → Offering     SendOffer
//	Offering    Accepted     → Sending      SendFiles            files the target lacks, still running
//	            Refused      → Aborted      Report
//	Sending     FilesSent    → Frozen       Freeze, SendPages
//	Frozen      PagesSent    → Preparing    SendPrepare
//	Preparing   Ready        → Committing   Commit, SendCommit   the commit line
//	Committing  Committed    → Done         Discard, Report
//	            Failed       → Committing   SendCommit           after a pause, for ever
//	            InDoubt      → Committing   GoSilent             30 s of silence: NOTHERE
//	            TargetLost   → Lost         Discard, Report
//	            Discarded    → Lost         Discard, Report      by hand
//	            Resumed      → Aborted      Thaw, Report         by hand: the user vouches
//	before      Failed,
//	Committing  TargetLost   → Aborted      Thaw if frozen, SendAbort, Report
//
// # Target
//
//	state       event        → state        effects
//	Idle        Offer        → Receiving    Reserve, SendAccept
//	Receiving   Prepare      → Building     Build                adopt, threads parked
//	            Silence      → Dropped      Drop                 source gone for 15 s
//	Building    Built        → Arriving     SendReady
//	            Failed       → Dropped      SendRefused, Drop
//	            Silence      → Dropped      SendRefused, Drop    objects that do not answer for 12 s
//	Arriving    Commit       → Active       Activate, SendCommitted
//	            Silence      → Arriving     AskSource            every 2 s
//	            Discarded    → Dropped      Drop                 by hand
//	            Resumed      → Active       Activate             by hand
//	Active      Commit       → Active       SendCommitted        a repeated COMMIT
//	any before  Abort,
//	Active      SourceLost,
//	            NotCommitted → Dropped      Drop
//
// # Rounds
//
// Precopying happens in Sending, between the files and the freeze. When it is time to end it is
// for Rounds to say, which knows as little of messages as the machines do.
//
// # Owners
//
// A machine belongs to whoever steps it: the node (kernel/node: source.go, target.go)
// performs its effects, in order, and brings what comes of them as events. There is no
// clock here, and no message: the node also decides what a failure is. It says Failed
// when a transaction fails, and when the target is silent for too long while the
// process stands still.
package move
