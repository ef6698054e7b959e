// Package netdev is what the protocols above see of a network: a link that
// carries frames. Drivers are below it; netdev/virtio is the one every QEMU
// machine has.
package netdev

// Link is one attachment to a network. Frames include the Ethernet header and no
// checksum.
type Link interface {
	// Send queues a frame made of the given pieces, which it copies. It reports
	// false when the queue is full: the frame is dropped, and counted.
	Send(pieces [][]byte) bool
	// Flush tells the device about the frames queued since the last Flush.
	Flush()
	// Recv returns the next frame received, or nil. It is valid until the next
	// call of Recv.
	Recv() []byte
	// MTU is the longest payload of a frame, without the Ethernet header.
	MTU() int
	// Addr is the hardware address.
	Addr() [6]byte
}

// HeaderSize is the length of an Ethernet header.
const HeaderSize = 14

// Stats counts frames of a link.
type Stats struct {
	Sent, Received       uint64
	SentBytes, RecvBytes uint64
	SendFull             uint64 // frames dropped because the queue was full
	RecvBad              uint64 // frames of impossible length
}
