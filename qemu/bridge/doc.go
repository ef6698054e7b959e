// Package bridge is the Ethernet that nodes hang on: a learning bridge in user
// space, without root. A node's QEMU attaches by "-netdev stream" over a unix
// socket, a tool on the host by Dial.
//
// The life of a frame:
//
//	port.read      one goroutine a port: a big read, many frames (wire.go)
//	Bridge.forward learns the source, finds the destination port or floods (table.go)
//	port.deliver   faults: lose, double, hold back, delay, shape (faults.go, line.go)
//	outbox.put     one copy, behind the frames already waiting; full: dropped, counted
//	outbox.flush   at the end of the read: one write for everything (outbox.go)
//
// Nothing waits for a port that does not read. Its outbox fills and frames for
// it are dropped, as a switch drops them; all other ports go on. A node stopped
// in a debugger is therefore a node that loses frames, not one that stops the
// cluster.
//
// Faults apply per delivery: one frame flooded to three ports is three
// deliveries. What happens to the n-th delivery from one port to another is a
// function of the seed, the two ports' names and n alone, so a run can be
// repeated whatever the scheduling of the rest.
//
// Lock order: Bridge.mu, port.mu, outbox.mu. The table and the capture have
// locks of their own that are held across nothing else.
package bridge
