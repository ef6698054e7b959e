package lib

import (
	"context"
	"slices"
	"sync"

	"motile/ipc/std"
)

// maxReply is the longest reply there is.
const maxReply = 1 << 20

// replies is room for them: most are short, and a megabyte of new memory for each would be
// what takes longest.
var replies = sync.Pool{New: func() any { return new([maxReply]byte) }}

// Caller makes transactions for package proc/api/client. The zero value is ready.
type Caller struct{}

// Call is a Trans with room for any reply. If ctx ends first the transaction goes
// on, and nobody learns of its outcome: that is for programs that are about to end.
func (Caller) Call(ctx context.Context, h *std.Header, data []byte) (std.Header, []byte, error) {
	type outcome struct {
		h    std.Header
		data []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		room := replies.Get().(*[maxReply]byte)
		o := outcome{h: *h}
		n, err := Trans(&o.h, data, room[:])
		o.data, o.err = slices.Clone(room[:n]), err
		replies.Put(room)
		done <- o
	}()
	select {
	case o := <-done:
		return o.h, o.data, o.err
	case <-ctx.Done():
		return std.Header{}, nil, ctx.Err()
	}
}
