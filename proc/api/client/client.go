package client

import (
	"context"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// Caller makes transactions.
type Caller interface {
	// Call is one transaction with the service of h.Port. The error is a
	// std.Status if the transaction ended with one; the reply's own is in its header.
	Call(ctx context.Context, h *std.Header, data []byte) (std.Header, []byte, error)
}

// Client talks to the nodes and processes of one cluster. Its methods may be
// called from any goroutine if those of its Caller may.
type Client struct {
	caller Caller
	key    api.Key
}

// New returns a client with the rights of the owner: key yields all capabilities.
func New(c Caller, key api.Key) *Client { return &Client{caller: c, key: key} }

// Key is the cluster's key.
func (c *Client) Key() *[32]byte { return (*[32]byte)(&c.key) }

// Service is the owner capability of a well-known server (api.Key.ServiceCap).
func (c *Client) Service(name string, n int) capability.Capability { return c.key.ServiceCap(name, n) }

// Trans is a transaction with any service, as clients of user programs' servers want it.
func (c *Client) Trans(ctx context.Context) func(h *std.Header, request, reply []byte) (int, error) {
	return func(h *std.Header, request, reply []byte) (int, error) {
		r, data, err := c.caller.Call(ctx, h, request)
		if err != nil {
			return 0, err
		}
		if len(data) > len(reply) {
			return 0, std.Overflow
		}
		*h = r
		return copy(reply, data), nil
	}
}

// object is a node or process with the capability to use for it.
type object struct {
	c    *Client
	name string // "node 2", "process 1000007"
	cap  capability.Capability
	// right is what a command needs; for the error if the capability lacks it.
	right func(command uint32) capability.Rights
	gone  string // why nobody answers for it, and what to do
}

// Capability is what the object is asked with.
func (o *object) Capability() capability.Capability { return o.cap }

// call asks the object something. A reply that is not STD_OK is an error.
func (o *object) call(ctx context.Context, h *std.Header, data []byte) (std.Header, []byte, error) {
	command := h.Command
	h.SetCapability(o.cap)
	reply, out, err := o.c.caller.Call(ctx, h, data)
	if err == nil && reply.Status() != std.OK {
		err = reply.Status()
		if err == std.NotNow && len(out) > 0 {
			return reply, nil, &Error{o.name, string(out), err} // it says why
		}
	}
	if err != nil {
		return reply, nil, o.failed(command, err)
	}
	return reply, out, nil
}

// ask is call with payloads: q and r may be nil.
func (o *object) ask(ctx context.Context, command uint32, q, r any) error {
	return o.askWith(ctx, &std.Header{Command: command}, q, r)
}

func (o *object) askWith(ctx context.Context, h *std.Header, q, r any) error {
	var data []byte
	if q != nil {
		var err error
		if data, err = image.Marshal(q); err != nil {
			return err
		}
	}
	command := h.Command
	_, out, err := o.call(ctx, h, data)
	if err != nil || r == nil {
		return err
	}
	return o.decode(command, out, r)
}

// decode takes a reply's payload apart.
func (o *object) decode(command uint32, out []byte, r any) error {
	if err := image.Unmarshal(out, r); err != nil {
		return o.failed(command, err)
	}
	return nil
}
