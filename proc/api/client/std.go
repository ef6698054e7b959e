package client

import (
	"context"
	"errors"
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Object is an object of any service, known by a capability. Its methods are the
// commands that all services understand, if they understand them at all.
type Object struct{ object }

// Object returns the object that a capability is for.
func (c *Client) Object(cap capability.Capability) *Object {
	return &Object{object{
		c: c, name: fmt.Sprintf("object %v:%x", cap.Port, cap.Object), cap: cap,
		right: func(uint32) capability.Rights { return 0 },
		gone:  "no server answers for its port (it has ended, or its node is down)",
	}}
}

// Text is a command without arguments whose reply is text: std.Info, std.Stat.
func (o *Object) Text(ctx context.Context, command uint32) (string, error) {
	_, text, err := o.call(ctx, &std.Header{Command: command}, nil)
	return string(text), err
}

// Do is a command without arguments and result: std.Touch, std.Age, std.Destroy.
func (o *Object) Do(ctx context.Context, command uint32) error {
	_, _, err := o.call(ctx, &std.Header{Command: command}, nil)
	return err
}

// Params are what can be looked at and changed while the service runs.
func (o *Object) Params(ctx context.Context) ([]std.Param, error) {
	h, data, err := o.call(ctx, &std.Header{Command: std.GetParams}, nil)
	if err != nil {
		return nil, err
	}
	list, err := std.DecodeParams(data, h.Size)
	if err != nil {
		return nil, &Error{o.name, "the reply is no list of parameters", err}
	}
	return list, nil
}

// SetParams changes parameters: all that are named, or none.
func (o *Object) SetParams(ctx context.Context, settings []std.Setting) error {
	h := &std.Header{Command: std.SetParams, Size: uint32(len(settings))}
	_, _, err := o.call(ctx, h, std.AppendSettings(nil, settings))
	return err
}

// Copy has the service make another object like this one, and returns it.
func (o *Object) Copy(ctx context.Context) (capability.Capability, error) {
	return o.granted(o.call(ctx, &std.Header{Command: std.Copy}, nil))
}

// Restrict returns a capability with some of this one's rights. The owner's needs
// no server for that; for others only the server can do it.
func (o *Object) Restrict(ctx context.Context, mask capability.Rights) (capability.Capability, error) {
	if r, ok := capability.Restrict(o.cap, mask); ok {
		return r, nil
	}
	return o.granted(o.call(ctx, &std.Header{Command: std.Restrict, Offset: uint64(mask)}, nil))
}

// granted is the capability in a reply.
func (o *Object) granted(h std.Header, data []byte, err error) (capability.Capability, error) {
	if err != nil {
		return capability.Capability{}, err
	}
	if c, ok := capability.Decode(data); ok {
		return c, nil
	}
	c := h.Capability()
	if c.IsNull() {
		return c, &Error{o.name, "the reply has no capability in it", errors.New("malformed reply")}
	}
	return c, nil
}
