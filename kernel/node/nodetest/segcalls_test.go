package nodetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// shelf serves a file of so many bytes, as Bullet does.
const (
	shelfSize = 700_001
	pieceAt   = 0x40000
	capAt     = 600
	mapAt     = 0x40000000
)

var shelfPort = capability.Port{0x5e, 0x1f}

func shelfCap() []byte {
	c := capability.Owner(shelfPort.Put(), 3, capability.Secret{5})
	return c.Append(nil)
}

// shelved is what is in the file from an offset on.
func shelved(off, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((off+i)*7 + (off+i)>>10)
	}
	return b
}

var shelf = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: shelfPort}), DataBase+dataAt, 64)
	case 1:
		h, reply, size := u.header(), std.Header{}, uint64(0)
		switch h.Command {
		case std.BulletSize:
			reply.Offset = shelfSize
		case std.BulletRead:
			off := min(h.Offset, shelfSize)
			b := shelved(int(off), int(min(uint64(h.Size), shelfSize-off)))
			size = uint64(len(b))
			u.Put(pieceAt, b)
		default:
			reply.SetStatus(std.ComBad)
		}
		u.Call(2, abi.SysPutrep, u.putHeader(reply), DataBase+pieceAt, size)
	case 2:
		u.Goto(0)
	}
})

// mapper maps a segment, whose capability is at capAt: A bytes of it, with protection B,
// and says where it is.
var mapper = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysSegMap, DataBase+capAt, mapAt, u.A(), u.B())
	case 1:
		u.SetA(uint64(u.Ret))
		u.Print(2, 1, fmt.Sprintf("%d\n", u.Ret))
	default:
		u.Call(3, abi.SysPause)
	}
})

func startMapper(w *World, on int, segment []byte, bytes, prot uint64) (p *proc.Process, out *Object) {
	out = w.Host.NewObject()
	p = w.Nodes[on].Start(mapper, nil, w.Nodes[on].Remote(out))
	u := User{t: p.Leader()}
	u.Put(capAt, segment)
	u.SetA(bytes)
	u.SetB(prot)
	return p, out
}

// A process maps what is elsewhere, while it and the server move about: it has every byte
// then, once.
func TestSegMap_MovesWhileItReads(t *testing.T) {
	const rw = vm.ProtRead | vm.ProtWrite
	all := 0
	for seed := range uint64(12) {
		size := []uint64{0, 5000, shelfSize, shelfSize + 100_000}[seed%4]
		prot := []uint64{rw, vm.ProtRead}[seed/4%2]
		w := New(t, 3, seed)
		w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
		server := w.Nodes[2].Start(shelf).PID
		p, out := startMapper(w, 1, shelfCap(), size, prot)
		pid, moves := p.PID, 0
		w.watch(pid)
		w.watch(server)
		for i := 0; len(out.Out) == 0; i++ {
			if i > 200 {
				t.Fatalf("seed %d: never mapped\n%s", seed, w.Describe())
			}
			w.Run(int64(seed%4+1) * 100e3)
			if i%4 == 3 {
				w.Move(server, i/4%3+1)
			} else if w.Move(pid, i%3+1); len(out.Out) == 0 {
				moves++
			}
		}
		if got, want := string(out.Out), fmt.Sprintf("%d\n", mapAt); got != want {
			t.Fatalf("seed %d: %q", seed, got)
		}
		if size == 0 {
			size = shelfSize
		}
		all += moves
		w.whole(pid)
		s := w.Nodes[w.On(pid)].Tab.Process(pid).Space
		got := make([]byte, size)
		if n, f := s.CopyIn(got, mapAt); f != vm.OK {
			t.Fatalf("seed %d: %d bytes are there: %v", seed, n, f)
		}
		want := append(shelved(0, shelfSize), make([]byte, 200_000)...)[:size]
		if !bytes.Equal(got, want) {
			t.Errorf("seed %d: other bytes", seed)
		}
		r, ok := s.Region(mapAt)
		if !ok || uint64(r.Prot) != prot || r.End != mapAt+(size+4095)&^4095 {
			t.Errorf("seed %d: %+v", seed, r)
		}
	}
	if all < 15 {
		t.Errorf("%d moves while it read: the test looks at little", all)
	}
}

// What goes wrong leaves nothing mapped.
func TestSegMap_Fails(t *testing.T) {
	nobody := capability.Owner(capability.Port{9}.Put(), 3, capability.Secret{5})
	silent := capability.Owner(addPort.Put(), 3, capability.Secret{5}) // it knows no such command, and answers 8 bytes
	w := New(t, 2, 1)
	w.Nodes[2].Start(shelf)
	w.Nodes[2].Start(addServer)
	for _, x := range []struct {
		name       string
		c          []byte
		size, prot uint64
		want       int64
	}{
		{"nobody has it", nobody.Append(nil), 0, 3, int64(std.RPCNotFound)},
		{"no bytes", silent.Append(nil), 0, 3, int64(std.ArgBad)},
		{"no protection", shelfCap(), 0, 0, int64(std.ArgBad)},
		{"bad protection", shelfCap(), 0, 8, int64(std.ArgBad)},
		{"more than there can be", shelfCap(), 1 << 60, 3, int64(std.NoMem)},
		{"another status", func() []byte { c := w.Key.NodeCap(2); c.Rights = 0; return c.Append(nil) }(), 100, 3, int64(std.CapBad)},
	} {
		p, out := startMapper(w, 1, x.c, x.size, x.prot)
		w.RunUntil(30e9, x.name, func() bool { return len(out.Out) > 0 })
		if got := string(out.Out); got != fmt.Sprintf("%d\n", x.want) {
			t.Errorf("%s: %s, want %d", x.name, got, x.want)
		}
		if r, ok := p.Space.Region(mapAt); ok {
			t.Errorf("%s: mapped: %+v", x.name, r)
		}
	}
	// Another thread unmaps it meanwhile.
	p, out := startMapper(w, 1, shelfCap(), 0, 3)
	w.RunUntil(1e9, "reading", func() bool { return p.Leader().Call.Done > 0 })
	p.Space.Unmap(mapAt, 1<<20)
	w.RunUntil(1e9, "refused", func() bool { return string(out.Out) == fmt.Sprintln(int64(std.RPCBadAddress)) })
}

// Segments grow and shrink in place.
func TestSegGrow(t *testing.T) {
	w := New(t, 1, 1)
	const page, argBad, notFound = 4096, int64(std.ArgBad), int64(std.NotFound)
	w.Nodes[1].Start(shelf)
	grow := func(at, was, is uint64, want int64) scripted {
		return scripted{nr: abi.SysSegGrow, args: args(at, was, is), want: want}
	}
	segMap := func(at, size uint64, want int64) scripted {
		return scripted{nr: abi.SysSegMap, args: func(u *User) []uint64 { return []uint64{u.Put(capAt, shelfCap()), at, size, 3} }, want: want}
	}
	p := runScript(t, w, []scripted{
		segMap(mapAt, 2*page, mapAt),
		segMap(mapAt+page, 2*page, int64(std.Exists)),
		segMap(mapAt+1, 2*page, argBad),
		segMap(mapAt+8*page, page, mapAt+8*page),
		grow(mapAt, 2*page, 5*page, 0),
		grow(mapAt, 5*page, 9*page, int64(std.NoSpace)),
		grow(mapAt, 5*page, 8*page, 0),
		grow(mapAt, 8*page, 3*page, 0),
		grow(mapAt, 3*page, 1<<60, int64(std.NoMem)),
		grow(mapAt, 0, page, argBad),
		grow(mapAt, page, 0, argBad),
		grow(mapAt+1, page, page, argBad),
		grow(mapAt+4*page, page, 2*page, notFound),
		grow(mapAt, 1<<63, page, notFound),
		{nr: abi.SysGetinfo, args: args(0, DataBase+rawAt, 1<<40), want: 3},
		{nr: abi.SysGetinfo, args: args(DataBase+capAt, 0, 0), want: 3},
		{nr: abi.SysGetinfo, args: args(8, 0, 0), want: int64(std.RPCBadAddress)},
		{nr: abi.SysGetinfo, args: args(0, 8, 1), want: int64(std.RPCBadAddress)},
	})
	w.RunUntil(5e9, "through", func() bool { return p.Leader().Call.Nr == abi.SysPause })
	u := User{t: p.Leader()}
	if got, _ := capability.Decode(u.Get(capAt, 44)); got != w.Key.ProcessCap(p.PID) {
		t.Errorf("its own capability: %+v", got)
	}
	want := []uint64{DataBase, DataBase + DataSize, 3, mapAt, mapAt + 3*page, 3, mapAt + 8*page, mapAt + 9*page, 3}
	for i, v := range want {
		b := u.Get(rawAt+24*(i/3)+8*(i%3), 8)
		if got := binary.LittleEndian.Uint64(b); got != v {
			t.Errorf("segment %d, word %d: %#x, want %#x", i/3, i%3, got, v)
		}
	}
	b := make([]byte, 3*page)
	if p.Space.CopyIn(b, mapAt); !bytes.Equal(b, append(shelved(0, 2*page), make([]byte, page)...)) {
		t.Error("what is in it is not what was")
	}
}

// What a process has in memory it leaves behind as a segment, and maps it again where it
// has gone, once as often as it likes; so does another process.
func TestSegUnmap_MappedElsewhere(t *testing.T) {
	const page, there = 4096, mapAt + 1<<30
	const argBad, badAddress, notFound = int64(std.ArgBad), int64(std.RPCBadAddress), int64(std.NotFound)
	w := New(t, 3, 1)
	w.Nodes[3].Start(shelf)
	segMap := func(cap, at, size uint64, want int64) scripted {
		return scripted{nr: abi.SysSegMap, args: args(DataBase+cap, at, size, 3), want: want}
	}
	sleep := func(u *User) []uint64 { return []uint64{u.Put(sleepAt, timespec(100e6)), 0} }
	p := runScript(t, w, []scripted{
		{nr: abi.SysSegMap, args: func(u *User) []uint64 { return []uint64{u.Put(capAt, shelfCap()), mapAt, 0, 3} }, want: mapAt},
		{nr: abi.SysSegUnmap, args: args(mapAt+1, page, 0), want: argBad},
		{nr: abi.SysSegUnmap, args: args(mapAt, 0, 0), want: argBad},
		{nr: abi.SysSegUnmap, args: args(mapAt, 1<<63, 0), want: argBad},
		{nr: abi.SysSegUnmap, args: args(mapAt, shelfSize, 8), want: badAddress},
		{nr: abi.SysSegUnmap, args: args(mapAt, 1<<40, DataBase+capAt), want: notFound},
		{nr: abi.SysSegUnmap, args: args(mapAt, shelfSize, DataBase+capAt), want: 0},
		{nr: abi.SysSegUnmap, args: args(mapAt, shelfSize, DataBase+capAt), want: notFound},
		{nr: abi.SysNanosleep, args: sleep, want: 0}, // it moves
		segMap(capAt, mapAt, 0, mapAt),
		segMap(capAt, there, 100, there),
		{nr: abi.SysSegUnmap, args: args(there, 100, 0), want: 0},
		{nr: abi.SysSegCreate, args: args(3*page+5, DataBase+capAt+64), want: 0},
		{nr: abi.SysSegCreate, args: args(0, DataBase+capAt+64), want: argBad},
		{nr: abi.SysSegCreate, args: args(1<<63, DataBase+capAt+64), want: argBad},
		{nr: abi.SysSegCreate, args: args(page, 8), want: badAddress},
		segMap(capAt+64, there, 0, there),
	})
	w.RunUntil(5e9, "it sleeps", func() bool { return p.Leader().Call.Nr == abi.SysNanosleep })
	w.Move(p.PID, 2)
	var q *proc.Process
	w.RunUntil(5e9, "through", func() bool {
		q = w.Nodes[2].Tab.Process(p.PID)
		return q != nil && q.Leader().Call.Nr == abi.SysPause
	})
	b := make([]byte, shelfSize)
	if q.Space.CopyIn(b, mapAt); !bytes.Equal(b, shelved(0, shelfSize)) {
		t.Error("other bytes")
	}
	if r, ok := q.Space.Region(there); !ok || r.End != there+4*page {
		t.Errorf("the new segment is mapped as %+v", r)
	}
	u := User{t: q.Leader()}
	c, _ := capability.Decode(u.Get(capAt, 44))
	created, _ := capability.Decode(u.Get(capAt+64, 44))
	other, out := startMapper(w, 3, c.Append(nil), 0, 3)
	w.RunUntil(5e9, "mapped by another", func() bool { return len(out.Out) > 0 })
	if other.Space.CopyIn(b, mapAt); !bytes.Equal(b, shelved(0, shelfSize)) {
		t.Errorf("other bytes: %s", out.Out)
	}
	if e := w.ask(c, std.Header{Command: std.Destroy}, nil); e.Header.Status() != std.OK {
		t.Errorf("destroy: %v", e.Header.Status())
	}
	for i := range 3 {
		for _, p := range w.Nodes[i+1].Tab.Processes() {
			w.Nodes[i+1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
		}
	}
	w.ask(created, std.Header{Command: std.Destroy}, nil)
	w.Run(5e9)
	w.CheckEmpty()
}
