package lib

import (
	"context"

	"motile/ipc/std"
)

// maxReply is the longest reply there is.
const maxReply = 1 << 20

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
		o := outcome{h: *h, data: make([]byte, maxReply)}
		n, err := Trans(&o.h, data, o.data)
		o.data, o.err = o.data[:n], err
		done <- o
	}()
	select {
	case o := <-done:
		return o.h, o.data, o.err
	case <-ctx.Done():
		return std.Header{}, nil, ctx.Err()
	}
}
