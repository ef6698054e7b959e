package byhand_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/node/nodetest"
	"motile/proc/api/client"
	"motile/servers/byhand"
)

// caller makes transactions from the host of a simulated cluster, whose time passes
// meanwhile.
type caller struct{ w *nodetest.World }

func (c caller) Call(_ context.Context, h *std.Header, data []byte) (got std.Header, reply []byte, err error) {
	done := false
	c.w.Host.Ask([16]byte{}, h, data, func(e rpc.Complete) {
		if done = true; e.Status != std.OK {
			err = e.Status
		}
		got, reply = e.Header, bytes.Clone(e.Data)
	})
	c.w.RunUntil(60e9, "answered", func() bool { return done })
	return got, reply, err
}

const textAt = nodetest.DataBase + 64

// teller says what is at textAt every 100 ms.
var teller = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		text, _, _ := bytes.Cut(u.Get(64, 64), []byte{0})
		u.Call(1, abi.SysWrite, 1, textAt, uint64(len(text)))
	case 1:
		u.Call(0, abi.SysNanosleep, u.Put(16, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0}), 0)
	}
})

func program() *byhand.Program {
	data := make([]byte, 5000)
	copy(data[64:], "made by hand\n")
	data[4999] = 7
	return &byhand.Program{
		Name: "teller",
		Parts: []byhand.Part{
			{Start: nodetest.DataBase, Size: 64 << 10, Prot: 3, Bytes: data},
			{Start: 0x7000_0000, Size: 4096, Prot: 1, Bytes: []byte("read only")},
			{Start: 0x7fff_0000, Size: 0x10000, Prot: 3, Stack: true},
		},
		Registers: map[int]uint64{byhand.RegIP: 0x1000, byhand.RegSP: 0x7fff_f000, byhand.RegR15: uint64(teller)},
	}
}

// A process is built out of bytes on another node, runs there, moves, and a debugger
// changes what it says.
func TestByHand(t *testing.T) {
	w, ctx := nodetest.New(t, 3, 1), context.Background()
	c := client.New(caller{w}, w.Key)
	pid, err := byhand.Start(ctx, c.Node(2), program())
	if err != nil {
		t.Fatal(err)
	}
	if on := w.On(pid); on != 2 {
		t.Fatalf("it is on node %d", on)
	}
	log := func() string {
		text, _, err := c.Process(pid).Log(ctx, 0, 64<<10, false)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	w.Run(1e9)
	if got := log(); strings.Count(got, "made by hand\n") < 9 {
		t.Errorf("it says %q", got)
	}
	w.Move(pid, 3)
	d, err := byhand.Attach(ctx, c, w.Key, pid)
	if err != nil {
		t.Fatal(err)
	}
	said := log()
	b := make([]byte, 12)
	if err := d.Peek(ctx, textAt, b); err != nil || string(b) != "made by hand" {
		t.Errorf("there is %q, %v", b, err)
	}
	if err := d.Poke(ctx, textAt+5, []byte("over anew\n\x00")); err != nil {
		t.Error(err)
	}
	if err := d.Poke(ctx, 0x7000_0000+5, []byte("ONLY")); err != nil { // a debugger may
		t.Error(err)
	}
	tail := make([]byte, 4100)
	if err := d.Peek(ctx, nodetest.DataBase+4999-4099, tail); err != nil || tail[4099] != 7 {
		t.Errorf("across pages: %d, %v", tail[4099], err)
	}
	for _, addr := range []uint64{0x7000_2000, 0x7fff_f800} {
		if err := d.Peek(ctx, addr, make([]byte, 4096)); err == nil {
			t.Errorf("read beyond memory, at %#x", addr)
		}
	}
	if err := d.Detach(ctx); err != nil {
		t.Error(err)
	}
	w.Run(1e9)
	if got := strings.TrimPrefix(log(), said); strings.Count(got, "made over anew\n") < 9 || strings.Contains(got, "by hand") {
		t.Errorf("then it says %q", got)
	}
	if err := c.Process(pid).Destroy(ctx); err != nil {
		t.Error(err)
	}
	w.Run(1e9)
	if err := c.Process(pid).Destroy(ctx); err != nil { // what is remembered of its end
		t.Error(err)
	}
	w.Run(5e9)
	w.CheckEmpty()
}

// What cannot be is refused, and leaves nothing.
func TestByHand_Refused(t *testing.T) {
	w, ctx := nodetest.New(t, 2, 1), context.Background()
	c := client.New(caller{w}, w.Key)
	for why, change := range map[string]func(p *byhand.Program){
		"region":    func(p *byhand.Program) { p.Parts[1].Start = nodetest.DataBase + 4096 },
		"at 0x8000": func(p *byhand.Program) { p.Registers[byhand.RegIP] = 1 << 63 },
		"segment ":  func(p *byhand.Program) { p.Parts[0].Size = 4096 },
		"KB free": func(p *byhand.Program) {
			p.Parts[1].Start, p.Parts[1].Size, p.Parts[1].Bytes = 0x1000_0000, 65<<20, make([]byte, 65<<20)
		},
	} {
		p := program()
		change(p)
		if pid, err := byhand.Start(ctx, c.Node(2), p); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: process %d, %v", why, pid, err)
		}
		w.Run(1e9)
		w.CheckEmpty()
	}
}
