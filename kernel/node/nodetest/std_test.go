package nodetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/migrate/image"
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

// Parameters of a node and of a process, looked at and changed.
func TestStd_Params(t *testing.T) {
	w := New(t, 2, 7)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	set := func(c capability.Capability, name, value string) std.Status {
		data := std.AppendSettings(nil, []std.Setting{{Name: name, Value: value}})
		e := w.ask(c, std.Header{Command: std.SetParams, Size: 1}, data)
		return e.Header.Status()
	}
	get := func(c capability.Capability, name string) string {
		e := w.ask(c, std.Header{Command: std.GetParams}, nil)
		list, err := std.DecodeParams(e.Data, e.Header.Size)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if p.Name == name {
				return p.Value
			}
		}
		return "?"
	}
	node, process := w.Key.NodeCap(1), w.Key.ProcessCap(p.PID)
	for _, x := range []struct {
		c           capability.Capability
		name, value string
		want        std.Status
		then        string
	}{
		{node, "slice_us", "500", std.OK, "500"},
		{node, "slice_us", "0", std.ArgBad, "500"},
		{node, "slice_us", "99999999999999999999", std.ArgBad, "500"},
		{node, "wakeup", "back", std.OK, "back"},
		{node, "wakeup", "behind", std.ArgBad, "back"},
		{node, "strace", "true", std.OK, "true"},
		{node, "strace", "perhaps", std.ArgBad, "true"},
		{node, "colour", "red", std.NotFound, "?"},
		{process, "comment", "the counter", std.OK, "the counter"},
		{process, "comment", strings.Repeat("x", 32), std.ArgBad, "the counter"},
	} {
		if s := set(x.c, x.name, x.value); s != x.want || get(x.c, x.name) != x.then {
			t.Errorf("%s=%s: %v, it is %q", x.name, x.value, s, get(x.c, x.name))
		}
	}
	w.Run(500e6) // the counter makes system calls
	if log := strings.Join(w.Nodes[1].log, "\n"); !strings.Contains(log, "strace: ") {
		t.Errorf("no system call was logged:\n%s", log)
	}
	weak, _ := capability.Restrict(process, capability.PSRRead)
	if s := set(weak, "comment", "mine"); s != std.Denied {
		t.Errorf("set without the right: %v", s)
	}
	if e := w.ask(process, std.Header{Command: std.Info}, nil); string(e.Data) != "Run the counter" {
		t.Errorf("info %q", e.Data)
	}
}

// STD_DESTROY is answered, and then the process ends.
func TestStd_Destroy(t *testing.T) {
	w := New(t, 1, 7)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	weak, _ := capability.Restrict(w.Key.ProcessCap(p.PID), capability.PSRRead)
	if e := w.ask(weak, std.Header{Command: std.Destroy}, nil); e.Header.Status() != std.Denied {
		t.Errorf("without the right: %v", e.Header.Status())
	}
	if e := w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: std.Destroy}, nil); e.Header.Status() != std.OK {
		t.Errorf("destroy: %v", e.Header.Status())
	}
	w.Run(5e9)
	w.CheckEmpty()
}

// The end of a process that nobody asks about is kept until the node has aged often
// enough; touching it starts anew.
func TestStd_AgeForgetsEnds(t *testing.T) {
	w := New(t, 1, 7)
	nd := w.Nodes[1]
	p := nd.Start(counter, nil, nd.Remote(w.Host.NewObject()))
	p.Log = object.NewFile(object.NewLog(), object.OWronly, "log:")
	c := w.Key.ProcessCap(p.PID)
	nd.Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	w.Run(1e9)
	if e := w.ask(c, std.Header{Command: std.Info}, nil); string(e.Data) != "Die test" {
		t.Fatalf("info %q, %v", e.Data, e.Header.Status())
	}
	for _, command := range []uint32{api.Stun, api.Resume, api.Lease, api.Snapshot, api.SetComment} {
		if e := w.ask(c, std.Header{Command: command}, nil); e.Header.Status() != std.NotNow {
			t.Errorf("what has ended answers request %d with %v", command, e.Header.Status())
		}
	}
	age := func(times int) {
		for range times {
			if e := w.ask(w.Key.NodeCap(1), std.Header{Command: std.Age}, nil); e.Header.Status() != std.OK {
				t.Fatal(e.Header.Status())
			}
		}
	}
	age(20)
	w.ask(c, std.Header{Command: std.Touch}, nil)
	age(23)
	w.ask(c, std.Header{Command: std.Info}, nil) // it is still there
	age(1)
	status := std.OK
	h := std.Header{Command: std.Info}
	h.SetCapability(c)
	w.Host.Ask([16]byte{}, &h, nil, func(e rpc.Complete) { status = e.Status })
	w.RunUntil(20e9, "not found", func() bool { return status == std.RPCNotFound })
}

// Whoever comes with a bad capability gets the same answer as anybody, and is counted.
func TestStd_BadCapabilities(t *testing.T) {
	w := New(t, 1, 7)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	node, process := w.Key.NodeCap(1), w.Key.ProcessCap(p.PID)
	reader, _ := capability.Restrict(process, capability.PSRRead)
	refused := 0
	for _, x := range []struct {
		name   string
		c      capability.Capability
		change func(c *capability.Capability)
		want   std.Status
	}{
		{"check", process, func(c *capability.Capability) { c.Check[3] ^= 4 }, std.CapBad},
		{"rights added", reader, func(c *capability.Capability) { c.Rights |= capability.PSRKill }, std.CapBad},
		{"owner's with fewer rights", process, func(c *capability.Capability) { c.Rights = capability.PSRKill }, std.CapBad},
		{"another process", process, func(c *capability.Capability) { c.Object++ }, std.CapBad},
		{"the node's check", process, func(c *capability.Capability) { c.Check = node.Check }, std.CapBad},
		{"no right", reader, func(*capability.Capability) {}, std.Denied},
		{"of the node", node, func(c *capability.Capability) { c.Check[0]++ }, std.CapBad},
	} {
		for _, command := range []uint32{std.Destroy, api.Stun, api.Exec, 1} { // 1: there is no such command
			c := x.c
			x.change(&c)
			refused++
			if e := w.ask(c, std.Header{Command: command}, nil); e.Header.Status() != x.want {
				t.Errorf("%s, command %d: %v, want %v", x.name, command, e.Header.Status(), x.want)
			}
		}
	}
	if s := fmt.Sprintf("denied %d\n", refused); !strings.Contains(string(w.ask(node, std.Header{Command: std.Stat}, nil).Data), s) {
		t.Errorf("the node's status does not say %q", s)
	}
	log := strings.Join(w.Nodes[1].log, "\n")
	if !strings.Contains(log, "16 requests refused") || strings.Contains(log, "17 requests refused") {
		t.Errorf("log:\n%s", log)
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

// Whoever may start processes on a node can pass that on, for a while.
func TestNode_ExecCapability(t *testing.T) {
	w := New(t, 2, 7)
	load := func() (l api.SLoad) {
		e := w.ask(w.Key.NodeCap(1), std.Header{Command: api.SGetLoad}, nil)
		if err := image.Unmarshal(e.Data, &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	exec := must(image.Marshal(api.ExecRequest{Path: "/bin/nothing", Args: []string{"nothing"}}))
	try := func(c capability.Capability, command uint32, data []byte) std.Status {
		e := w.ask(c, std.Header{Command: command}, data)
		return e.Header.Status()
	}
	reader, _ := capability.Restrict(w.Key.NodeCap(1), capability.PSRRead)
	if s := try(reader, api.SGetLoad, nil); s != std.Denied {
		t.Errorf("without the right to start processes: %v", s)
	}
	for range 3 {
		l := load()
		c, ok := capability.Decode(l.Exec)
		if !ok || c.Rights != capability.PSRExec|capability.PSRCreate || l.Load.Node != 1 || l.ValidMs <= 10_000 || l.ValidMs > 20_000 {
			t.Fatalf("%+v", l)
		}
		var r api.ExecReply
		if e := w.ask(c, std.Header{Command: api.Exec}, exec); e.Header.Status() != std.OK || image.Unmarshal(e.Data, &r) != nil || r.Errno != abi.ENOENT {
			t.Errorf("exec: %v, %+v", e.Header.Status(), r)
		}
		for command, want := range map[uint32]std.Status{api.List: std.Denied, api.Shut: std.Denied, api.Migrate: std.ArgBad} {
			if s := try(c, command, nil); s != want {
				t.Errorf("command %d: %v", command, s)
			}
		}
		other := c
		other.Port = w.Key.NodePort(2).Put()
		if s := try(other, api.Exec, exec); s != std.CapBad {
			t.Errorf("on another node: %v", s)
		}
		weak := w.ask(c, std.Header{Command: std.Restrict, Offset: uint64(capability.PSRExec)}, nil)
		if e, ok := capability.Decode(weak.Data); !ok || e.Rights != capability.PSRExec || try(e, api.Exec, exec) != std.OK {
			t.Errorf("restricted: %+v", e)
		}
		w.Run((l.ValidMs - 100) * 1e6)
		if s := try(c, api.Exec, exec); s != std.OK {
			t.Errorf("at its end: %v", s)
		}
		w.Run(200e6)
		for object := range uint64(3) {
			if c.Object += object; try(c, api.Exec, exec) != std.CapBad {
				t.Error("too late, and not refused")
			}
		}
	}
}

func TestNode_Definition(t *testing.T) {
	w := New(t, 1, 7)
	var d api.Definition
	if err := image.Unmarshal(w.ask(w.Key.NodeCap(1), std.Header{Command: api.GetDef}, nil).Data, &d); err != nil || d.PageLog2 != 12 || d.FirstPage != 1 ||
		(d.LastPage+1)<<12 != abi.UserTop {
		t.Errorf("%+v, %v", d, err)
	}
}
