// Package flip is the network layer: a box that sends messages to addresses which
// name processes, wherever they are.
//
// FLIP (Kaashoek, van Renesse, van Staveren, Tanenbaum, 1993) differs from the
// protocols built on host addresses in one point from which the rest follows: an
// address belongs to a process, not to a machine. Boxes find out where an address
// is by asking everybody (LOCATE), remember it, and forget it when they are told
// it is wrong (NOTHERE). A process that moves takes its address along. Steketee
// added BUSY, for the time in which it is neither here nor there. PROTOCOL.md has
// the frames and the rules.
//
// # The box as a machine
//
// A Box has one owner, who calls it and performs what it wants done:
//
//	Input(now, link, frame)   a frame has arrived
//	Tick(now)                 NextDeadline has passed
//	Unicast, Multicast        somebody here sends
//	Register, Freeze, ...     an address comes, stops, moves, goes
//
//	Out.Frames                to be put on a link
//	Out.Delivers              messages for protocols above
//	Out.NotDelivered          messages of theirs that were given up
//
// There is no clock, goroutine, lock or randomness in it: now is the owner's
// monotonic time in nanoseconds, random numbers come from Config.Rand. The same
// calls with the same arguments have the same effects. What arrives from a link
// may be malformed in any way; it is counted in Stats and dropped.
//
// # Who owns which bytes
//
//   - A frame passed to Input is the driver's again when Input returns.
//   - Send.Header is copied. Send.Payload is not: frames and local deliveries
//     point into it. Nobody may write to it until State says Gone, or after
//     Cancel, and the frames in Out are sent.
//   - Out and all in it is the box's, until Reset. Perform the frames first.
//   - Deliver.Body belongs to whoever takes it. If the sender is on the same box
//     it is the sender's payload, so it is only ever read.
//
// # Files
//
// In the order in which a message passes: register.go (addresses that are here),
// message.go and listeners.go (sending, and keeping what was sent), route.go, locate.go,
// busy.go and secure.go (where to), frag.go, window.go, congestion.go and rtt.go (in
// pieces), emit.go (as a frame), forward.go and refuse.go (through routers), switch.go (the
// frame at the other end), join.go (the pieces together), recent.go (but not twice). wire.go
// has the format, effect.go what a caller sees of it all.
//
// # Not here
//
// Routers flood multicasts rather than track where members are, and Ethernet's
// multicast addresses are not used. There is no protection against boxes that lie: FLIP
// trusts its networks, but for those it was told not to, and secrecy is the business of
// those who send.
package flip
