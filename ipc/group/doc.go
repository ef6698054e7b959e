// Package group is Amoeba's ordered group communication: what members of a closed
// group send arrives at all of them, in one order, whatever the wire does, whoever
// crashes (up to the resilience), and wherever members move, the sequencer included.
//
// One member, the sequencer, gives each message its number. A sender gives its
// message to the sequencer, which sends it to all (PB); or, if it is large, to all
// at once, and the sequencer sends all the number (BB). Whoever sees a gap asks the
// sequencer, which keeps a history of all that somebody may lack. With resilience r
// a message counts when r members beside the sequencer have it. When a member does
// not answer, the view ends, and a reset makes a new one of those who do; that is
// the program's decision. PROTOCOL.md has the messages and the rules.
//
// # The machine
//
// A Machine has one owner and shares a flip.Box with the rpc.Machine of its node,
// which drives the box. The owner calls:
//
//	Deliver, NotDelivered, Tick         what the box has for flip.ProtoGroup; time
//	Create, Join, Leave, Abandon        a process comes to a group, and goes
//	Send, Receive, ResetGroup, Info, Set  a thread's calls
//	AbortReceive, Forget                signals; a thread dies
//	Freeze, Export, Import, Activate,   a move
//	Thaw, Remove, Silence
//
// and performs Out, after rpc.Machine.Drain, until neither has more. There is no
// clock, goroutine, lock or randomness inside. Calls return std.OK or an error at
// once, or Wait: then a Complete follows, or is in Out already.
//
// # Files
//
// member.go: what a member is. join.go, leave.go: how one begins and ends. send.go:
// the sender. sequencer.go, history.go: numbering. receive.go: the receiver.
// alive.go: who is dead. reset.go, vote.go: a new view. freeze.go, export.go, codec.go:
// moving. wire.go: the format.
package group
