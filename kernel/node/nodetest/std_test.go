package nodetest

import (
	"bytes"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// ask is one transaction with the object of a capability, wherever it is.
func (w *World) ask(c capability.Capability, h std.Header, data []byte) (got rpc.Complete) {
	w.T.Helper()
	h.SetCapability(c)
	done := false
	w.Host.Ask([16]byte{}, &h, data, func(e rpc.Complete) { got, done = e, true })
	w.RunUntil(10e9, "answered", func() bool { return done })
	if got.Status != std.OK {
		w.T.Fatalf("command %d: %v", h.Command, got.Status)
	}
	got.Data = bytes.Clone(got.Data)
	return got
}

func TestStd_NodeAndProcess(t *testing.T) {
	w := New(t, 2, 7)
	p := w.Nodes[1].Start(orphanage, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	for name, c := range map[string]capability.Capability{
		"node": w.Key.NodeCap(1), "process": w.Key.ProcessCap(p.PID),
	} {
		for _, command := range []uint32{std.Info, std.Stat, std.Touch, std.NTouch, std.Age} {
			if e := w.ask(c, std.Header{Command: command}, nil); e.Header.Status() != std.OK {
				t.Errorf("%s, command %d: %v", name, command, e.Header.Status())
			}
		}
		if e := w.ask(c, std.Header{Command: std.Copy}, nil); e.Header.Status() != std.ComBad {
			t.Errorf("%s: copy: %v", name, e.Header.Status())
		}
		// A capability that was restricted once can be restricted again, and only further.
		weak := c
		for _, mask := range []capability.Rights{capability.PSRRead | capability.PSRKill, capability.PSRRead | capability.PSRMigrate} {
			e := w.ask(weak, std.Header{Command: std.Restrict, Offset: uint64(mask)}, nil)
			weak, _ = capability.Decode(e.Data)
		}
		if weak.Rights != capability.PSRRead {
			t.Errorf("%s: rights %v", name, weak.Rights)
		}
		if e := w.ask(weak, std.Header{Command: std.Info}, nil); e.Header.Status() != std.OK {
			t.Errorf("%s: info with the right: %v", name, e.Header.Status())
		}
		if e := w.ask(weak, std.Header{Command: std.Age}, nil); e.Header.Status() != std.Denied {
			t.Errorf("%s: age without the right: %v", name, e.Header.Status())
		}
	}
	if e := w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: std.Info}, nil); !strings.HasPrefix(string(e.Data), "Run ") {
		t.Errorf("info %q", e.Data)
	}
}

// The owner of a process moves with it and is told of its end.
func TestOwner(t *testing.T) {
	w := New(t, 2, 7)
	p := w.Nodes[1].Start(orphanage, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	self := w.Key.ProcessCap(p.PID)
	heard := w.Host.NewOwner()
	owner := capability.Owner(heard.Port, 1, capability.Secret{1})
	if e := w.ask(self, std.Header{Command: api.SetOwner}, []byte("nobody")); e.Header.Status() != std.ArgBad {
		t.Errorf("an owner that is no capability: %v", e.Header.Status())
	}
	w.ask(self, std.Header{Command: api.SetOwner}, owner.Append(nil))
	w.Move(p.PID, 2)
	if e := w.ask(self, std.Header{Command: api.GetOwner}, nil); !bytes.Equal(e.Data, owner.Append(nil)) {
		t.Errorf("owner after a move: %x", e.Data)
	}
	nd := w.Nodes[2]
	nd.Tab.Signal(nd.Tab.Process(p.PID), proc.Info{Signo: abi.SIGKILL})
	w.RunUntil(10e9, "owner told", func() bool { return len(heard.Told) > 0 })
	h := heard.Told[0]
	if h.Command != api.Checkpoint || h.Offset != uint64(p.PID) || h.Extra != abi.SIGKILL || h.Object != 1 {
		t.Errorf("told %+v", h)
	}
}
