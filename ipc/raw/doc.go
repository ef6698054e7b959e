// Package raw is FLIP for user programs: messages to addresses, without RPC's
// promises. What a program sends may be lost, arrive twice, or late; what could not
// be delivered comes back as a notice, if that is known. PROTOCOL.md compares the
// calls with Amoeba's.
//
// A Process opens interfaces. Under an interface it registers endpoints, each of
// them a FLIP address, and from its queue it takes what came for any of them. All of
// that moves with it: the numbers, the addresses, what waits in the queues, what has
// not left yet, and the counters.
//
//	phase     endpoints in the box         left by
//	running   registered                   Freeze, Close
//	frozen    registered, answering BUSY   Thaw, Silence, Remove
//	silent    not registered               Thaw, Remove
//	imported  not registered               Activate, Remove
//	closed    not registered               -
//
// # The machine
//
// Machine has one owner, who calls it with what happened, and afterwards performs
// what the box wants done (see package flip) and looks at Out: who may take something
// from a queue now. It keeps no time of its own: a receive that waits, and for how
// long, is its caller's affair.
//
// # Files
//
// packet.go: what goes with a message. machine.go: interfaces and endpoints. send.go:
// the way out. receive.go: the way in. freeze.go, export.go: a move.
package raw
