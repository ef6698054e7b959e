package client

import (
	"context"
	"fmt"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
)

// Process is a process, wherever it is.
type Process struct {
	object
	PID int32
}

// Process returns a process by pid, with the rights of its owner.
func (c *Client) Process(pid int32) *Process { return c.ProcessWith(c.key.ProcessCap(pid)) }

// ProcessWith returns the process that a capability is for, with its rights.
func (c *Client) ProcessWith(cap capability.Capability) *Process {
	pid := int32(cap.Object)
	return &Process{PID: pid, object: object{
		c: c, name: fmt.Sprintf("process %d", pid), cap: cap, right: api.ProcessRight,
		gone: "no node claims it (it has ended, or its node is down)",
	}}
}

// Info describes the process.
func (p *Process) Info(ctx context.Context) (i api.ProcessInfo, err error) {
	err = p.ask(ctx, api.Info, nil, &i)
	return i, err
}

// Signal sends the process a signal.
func (p *Process) Signal(ctx context.Context, signo int) error {
	return p.ask(ctx, api.Signal, &api.SignalRequest{Signo: int32(signo)}, nil)
}

// Stun stops the process where it is, until Resume. It does not notice. With a negative
// code that is an emergency: at once, whatever it does. quietly: its owner is not told.
func (p *Process) Stun(ctx context.Context, code int32, quietly bool) error {
	h := &std.Header{Command: api.Stun, Offset: uint64(int64(code))}
	if quietly {
		h.Extra = api.StunQuietly
	}
	return p.askWith(ctx, h, nil, nil)
}

// Resume ends a Stun. anyway: even if a lease of the process has run out.
func (p *Process) Resume(ctx context.Context, anyway bool) error {
	h := &std.Header{Command: api.Resume}
	if anyway {
		h.Extra = api.ResumeWithoutLease
	}
	return p.askWith(ctx, h, nil, nil)
}

// Lease has the process stunned after a time, unless this is asked again until then.
// The time counts from when the request arrives. 0: never.
func (p *Process) Lease(ctx context.Context, d time.Duration) error {
	return p.askWith(ctx, &std.Header{Command: api.Lease, Offset: uint64(max(d, 0))}, nil, nil)
}

// Destroy kills the process; one that has ended is forgotten.
func (p *Process) Destroy(ctx context.Context) error { return p.ask(ctx, std.Destroy, nil, nil) }

// Comment returns the text that people have given the process.
func (p *Process) Comment(ctx context.Context) (string, error) {
	_, text, err := p.call(ctx, &std.Header{Command: api.GetComment}, nil)
	return string(text), err
}

// SetComment changes it.
func (p *Process) SetComment(ctx context.Context, text string) error {
	_, _, err := p.call(ctx, &std.Header{Command: api.SetComment}, []byte(text))
	return err
}

// Wait waits until the process has ended and returns its wait(2) status.
func (p *Process) Wait(ctx context.Context) (status int, err error) {
	r, err := p.End(ctx)
	return r.Status, err
}

// End waits until the process has ended and returns all that is said of it. A node
// that the process leaves says so, and we ask again; so we do once when a node is
// lost, for the process may have left it.
func (p *Process) End(ctx context.Context) (r api.WaitReply, err error) {
	for {
		err := p.ask(ctx, api.Wait, nil, &r)
		switch {
		case err == nil:
			return r, nil
		case !p.again(ctx, err):
			return api.WaitReply{}, err
		}
	}
}

// Log returns up to size bytes of a detached process's output from offset off on,
// and where they begin: later than asked for what is no longer kept. If there is
// nothing yet and follow is set it waits; no bytes then mean that the process has
// ended.
func (p *Process) Log(ctx context.Context, off int64, size int, follow bool) (text []byte, first int64, err error) {
	for {
		h := &std.Header{Command: api.ReadLog, Offset: uint64(off), Size: uint32(size)}
		if follow {
			h.Extra = 1
		}
		reply, text, err := p.call(ctx, h, nil)
		switch {
		case err == nil:
			return text, int64(reply.Offset), nil
		case !p.again(ctx, err):
			return nil, 0, err
		}
	}
}

// askAgain is how long to wait before a process that is on the move, or whose
// node was lost, is asked again.
const askAgain = 20 * time.Millisecond

// again reports whether something that changes nothing should be asked again.
func (p *Process) again(ctx context.Context, err error) bool {
	if !Lost(err) && !isStatus(err, std.NotNow) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(askAgain):
		return true
	}
}
