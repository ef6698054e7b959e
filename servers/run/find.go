package run

import (
	"context"
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api/client"
)

// FindHost asks for a node: FindRequest → FindReply (run_multi_findhost of run(8)).
const FindHost = std.RunFirst + 0

// FindRequest says what a program will need.
type FindRequest struct {
	MemoryKB int `cbor:"1,keyasint"`
	// Digest and TextKB are of the program's file: where that is already, the program
	// starts sooner and takes less.
	Digest []byte `cbor:"2,keyasint,omitempty"`
	TextKB int    `cbor:"3,keyasint,omitempty"`
}

// FindReply is the node to use.
type FindReply struct {
	Node int `cbor:"1,keyasint"`
}

// Find asks the nearest run server for a node.
func Find(ctx context.Context, c client.Caller, server capability.Capability, q FindRequest) (node int, err error) {
	data, err := image.Marshal(q)
	if err != nil {
		return 0, err
	}
	h := std.Header{Command: FindHost}
	h.SetCapability(server)
	h, reply, err := c.Call(ctx, &h, data)
	if err == nil && h.Status() != std.OK {
		err = h.Status()
	}
	if err == std.NoMem {
		err = ErrNoHost
	}
	if err != nil {
		return 0, fmt.Errorf("run server: %w", err)
	}
	var r FindReply
	if err := image.Unmarshal(reply, &r); err != nil || r.Node <= 0 {
		return 0, fmt.Errorf("run server: malformed reply")
	}
	return r.Node, nil
}

// Name is the service's.
const Name = "run"

// Mark is a file that is there on nodes that have a run server: without one it would take
// seconds to learn that there is none.
const Mark = "/run/motile/run"
