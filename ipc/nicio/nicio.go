package nicio

import (
	"encoding/binary"

	"motile/ipc/std"
)

// Commands.
const (
	// Describe. Reply: data: the hardware address, 6 bytes; Size the MTU.
	Describe = std.PrivateFirst + 280
	// Send, data: frames. Reply: Size how many the card had room for.
	Send = std.PrivateFirst + 281
	// Receive waits for frames. Reply: data: frames; Offset how many were dropped so
	// far. A newer Receive ends an older one, with NotNow.
	Receive = std.PrivateFirst + 282
)

// MaxData bounds the frames of one message; MaxFrame one of them.
const (
	MaxData  = 64 << 10
	MaxFrame = 1<<16 - 1
)

// Append adds a frame to a message. Preconditions: it has at most MaxFrame bytes.
func Append(b, frame []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(frame)))
	return append(b, frame...)
}

// Next takes the first frame out of a message. ok is false when there is none, or the
// message is cut off.
func Next(b []byte) (frame, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}
