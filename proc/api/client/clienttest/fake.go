package clienttest

import (
	"context"
	"fmt"
	"sync"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// Handler answers a request: with a payload, or with a status.
type Handler func(h *std.Header, data []byte) (any, std.Status)

// Fake is a client.Caller. Ports that have no handler answer with RPC_NOTFOUND.
type Fake struct {
	Key api.Key

	mu    sync.Mutex
	ports map[capability.Port]Handler
	log   []string
}

// New returns a cluster without nodes.
func New() *Fake {
	return &Fake{Key: api.Key{1: 0x55}, ports: make(map[capability.Port]Handler)}
}

// Node serves the port of a node's process server.
func (f *Fake) Node(number int, h Handler) { f.serve(f.Key.NodeCap(number).Port, h) }

// Process serves the port of a process.
func (f *Fake) Process(pid int32, h Handler) { f.serve(f.Key.ProcessCap(pid).Port, h) }

func (f *Fake) serve(port capability.Port, h Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ports[port] = h
}

// Log notes something; Logged returns what was noted.
func (f *Fake) Log(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, fmt.Sprintf(format, args...))
}

// Logged returns what Log has noted, and forgets it.
func (f *Fake) Logged() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.log
	f.log = nil
	return l
}

// Call implements client.Caller.
func (f *Fake) Call(ctx context.Context, h *std.Header, data []byte) (std.Header, []byte, error) {
	f.mu.Lock()
	serve := f.ports[h.Port]
	f.mu.Unlock()
	if serve == nil {
		return std.Header{}, nil, std.RPCNotFound
	}
	v, s := serve(h, data)
	switch {
	case s < 0 && s > -1000: // of the transaction, not of the service
		return std.Header{}, nil, s
	case s != std.OK:
		var r std.Header
		r.SetStatus(s)
		return r, nil, nil
	}
	switch v := v.(type) {
	case nil:
		return std.Header{}, nil, nil
	case Reply:
		return v.Header, v.Data, nil
	case string:
		return std.Header{Size: uint32(len(v))}, []byte(v), nil
	}
	b, err := image.Marshal(v)
	return std.Header{Size: uint32(len(b))}, b, err
}

// Reply is a payload with a header of its own.
type Reply struct {
	Header std.Header
	Data   []byte
}

// Decode is the payload of a request.
func Decode[T any](data []byte) (v T) {
	if err := image.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}
