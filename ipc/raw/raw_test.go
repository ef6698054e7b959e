package raw

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"motile/ipc/flip"
	"motile/ipc/internal/golden"
	"motile/ipc/std"
)

// net is a few nodes on one wire that loses nothing and takes no time.
type net struct {
	t     testing.TB
	now   int64
	boxes []*flip.Box
	raw   []*Machine
	drop  func(h *flip.Header) bool
}

func newNet(t testing.TB, n int) *net {
	w := &net{t: t, now: 1e9}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		box := flip.NewBox(flip.Config{Rand: rng.Uint64, Links: []flip.Link{{MAC: flip.MAC{2, 5: byte(i)}, MTU: 1500}}})
		w.boxes = append(w.boxes, box)
		w.raw = append(w.raw, New(box, rng.Uint64))
	}
	return w
}

// settle passes frames and messages on until there are none.
func (w *net) settle() {
	for again := true; again; {
		again = false
		for i, b := range w.boxes {
			out := b.Out
			b.Out = flip.Effects{}
			for k := range out.Frames {
				again = true
				frame := append(append([]byte(nil), out.Frames[k].Head()...), out.Frames[k].Body...)
				var h flip.Header
				if flip.Decode(&h, frame); w.drop != nil && w.drop(&h) {
					continue
				}
				for j, to := range w.boxes {
					if j != i {
						to.Input(w.now, 0, frame)
					}
				}
			}
			for k := range out.Delivers {
				again = true
				w.raw[i].Delivered(&out.Delivers[k])
			}
			for k := range out.NotDelivered {
				again = true
				w.raw[i].NotDelivered(&out.NotDelivered[k])
			}
		}
	}
}

// run lets time pass.
func (w *net) run(d int64) {
	for end := w.now + d; w.now < end; {
		w.settle()
		next := end
		for _, b := range w.boxes {
			next = min(next, b.NextDeadline())
		}
		w.now = max(next, w.now+1)
		for _, b := range w.boxes {
			b.Tick(w.now)
		}
	}
	w.settle()
}

// user is a process with one interface and one endpoint.
type user struct {
	*net
	node int
	p    *Process
	ep   uint32
	addr flip.Address
}

func (w *net) user(node int, private flip.Address) *user {
	w.t.Helper()
	u := &user{net: w, node: node, p: w.raw[node].Open(nil)}
	if _, s := w.raw[node].Init(u.p); s != std.OK {
		w.t.Fatal(s)
	}
	ep, s := w.raw[node].Register(w.now, u.p, 0, private, 0)
	if s != std.OK {
		w.t.Fatal(s)
	}
	u.ep = ep
	u.addr, _ = u.p.Address(0, ep)
	return u
}

func (u *user) send(to flip.Address, token uint64, text string) std.Status {
	return u.raw[u.node].Unicast(u.now, u.p, 0, &Packet{Address: to, Endpoint: u.ep, Token: token}, []byte(text), nil, 0)
}

// take empties the queue.
func (u *user) take() (texts []string) {
	for {
		pk, head, body, s := u.p.First(0)
		if s != std.OK {
			return texts
		}
		text := string(head) + string(body)
		if pk.Kind == NotDelivered {
			text = "lost " + flip.Reason(pk.Flags).String()
		}
		texts = append(texts, text)
		u.p.Next(0)
	}
}

func (u *user) expect(texts ...string) {
	u.t.Helper()
	u.settle()
	if got := u.take(); strings.Join(got, "|") != strings.Join(texts, "|") {
		u.t.Errorf("received %q, want %q", got, texts)
	}
}

// move takes a user to another node, by way of bytes.
func (u *user) move(to int) {
	u.t.Helper()
	m := u.raw[u.node]
	m.Freeze(u.now, u.p)
	b, ok := m.Export(u.p)
	if !ok {
		u.t.Fatal("not exported")
	}
	q, err := u.raw[to].Import(nil, b)
	if err != nil {
		u.t.Fatal(err)
	}
	m.Remove(u.now, u.p)
	if !u.raw[to].Activate(u.now, q) {
		u.t.Fatal("not activated")
	}
	u.p, u.node = q, to
	u.settle()
}

func TestUnicast_ThereAndBack(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.user(0, flip.Address{1}), w.user(1, flip.Address{2})
	long := strings.Repeat("x", 5000)
	a.send(b.addr, 0, "hello")
	w.run(100e6)
	b.expect("hello")
	b.raw[1].Unicast(w.now, b.p, 0, &Packet{Address: a.addr, Endpoint: b.ep}, nil, []byte(long), 0)
	w.run(100e6)
	a.expect(long)
}

func TestUnicast_Notices(t *testing.T) {
	w := newNet(t, 2)
	a := w.user(0, flip.Address{1})
	a.send(flip.Address{9}, 7, "to nobody")
	w.run(6e9)
	pk, _, _, s := a.p.First(0)
	if s != std.OK || pk.Kind != NotDelivered || pk.Token != 7 || pk.Address != (flip.Address{9}) || flip.Reason(pk.Flags) != flip.LocateExpired {
		t.Errorf("%+v, %v", pk, s)
	}
}

// What was held back by BUSY when the sender moved is sent from its new place.
func TestMove_WhatHasNotLeft(t *testing.T) {
	w := newNet(t, 3)
	a, b := w.user(0, flip.Address{1}), w.user(1, flip.Address{2})
	a.send(b.addr, 0, "first")
	w.run(10e6)
	b.expect("first")
	w.raw[1].Freeze(w.now, b.p)
	a.send(b.addr, 0, "second")
	a.send(b.addr, 0, "third")
	w.run(10e6)
	a.move(2)
	w.run(10e6)
	w.raw[1].Thaw(w.now, b.p)
	w.run(200e6)
	b.expect("second", "third")
	b.move(0)
	b.send(a.addr, 0, "fourth")
	w.run(10e6)
	a.expect("fourth")
}

func TestMove_QueueAndGroups(t *testing.T) {
	w := newNet(t, 3)
	a, b := w.user(0, flip.Address{1}), w.user(1, flip.Address{2})
	group := flip.Address{3}
	for _, private := range []flip.Address{group, {}} {
		if _, s := w.raw[1].Register(w.now, b.p, 0, private, AsGroup); s != std.OK {
			t.Fatal(s)
		}
	}
	tell := func() {
		m, pk := w.raw[a.node], &Packet{Address: group.Public(), Endpoint: a.ep}
		if s := m.Multicast(w.now, a.p, 0, pk, []byte("us"), nil, 0); s != std.OK {
			t.Fatal(s)
		}
		w.settle()
		if s := m.Broadcast(w.now, a.p, 0, pk, []byte("all"), nil, MaxHops); s != std.OK {
			t.Fatal(s)
		}
		w.settle()
	}
	tell()
	b.move(2)
	tell()
	b.move(0) // where the sender is
	tell()
	b.expect("us", "all", "us", "all", "us", "all")
	w.raw[0].Close(w.now, b.p)
	tell()
	if s := w.raw[0].Stats; s.Strays != 0 {
		t.Errorf("%+v", s)
	}
}

// A multicast that demands listeners waits for them, on the move too.
func TestMulticast_Listeners(t *testing.T) {
	w := newNet(t, 3)
	a, b, c := w.user(0, flip.Address{1}), w.user(1, flip.Address{2}), w.user(2, flip.Address{4})
	group := flip.Address{3}
	join := func(u *user) {
		if _, s := w.raw[u.node].Register(w.now, u.p, 0, group, AsGroup); s != std.OK {
			t.Fatal(s)
		}
	}
	demand := func(n int, token uint64) {
		pk := &Packet{Address: group.Public(), Endpoint: a.ep, Token: token}
		if s := w.raw[a.node].Multicast(w.now, a.p, 0, pk, []byte("you two"), nil, n); s != std.OK {
			t.Fatal(s)
		}
	}
	join(b)
	demand(2, 1)
	w.run(500e6)
	b.expect()
	a.move(2)
	join(c)
	w.run(2e9)
	b.expect("you two")
	c.expect("you two")
	demand(3, 2)
	w.run(6e9)
	a.expect("lost too few listeners")
}

// In doubt, the old place says NOTHERE; put back, it is found again.
func TestSilence(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.user(0, flip.Address{1}), w.user(1, flip.Address{2})
	w.raw[1].Freeze(w.now, b.p)
	w.raw[1].Silence(w.now, b.p)
	a.send(b.addr, 0, "lost")
	w.run(6e9)
	a.expect("lost locate expired")
	w.raw[1].Thaw(w.now, b.p)
	a.send(b.addr, 0, "found")
	w.run(100e6)
	b.expect("found")
}

// A queue has an end, and what did not fit is counted. So has what waits to leave.
func TestLimits(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.user(0, flip.Address{1}), w.user(1, flip.Address{2})
	a.send(b.addr, 0, "0")
	w.run(10e6)
	for range MaxQueued + 9 { // sent fast: the box keeps them all, the process does not
		if s := a.send(b.addr, 0, "x"); s != std.OK {
			t.Fatal(s)
		}
		w.settle()
	}
	if pk, _, _, _ := b.p.First(0); pk.Dropped != 10 {
		t.Errorf("%d dropped", pk.Dropped)
	}
	if got := len(b.take()); got != MaxQueued {
		t.Errorf("%d in the queue", got)
	}
	for i := range MaxSent + 1 {
		want := std.OK
		if i == MaxSent {
			want = std.FlipNoPacket
		}
		if s := a.send(flip.Address{9}, 0, "x"); s != want {
			t.Fatalf("message %d: %v", i, s)
		}
	}
	w.run(10e9) // they are given up, and there is room again
	if s := a.send(b.addr, 0, "x"); s != std.OK {
		t.Error(s)
	}
	big := make([]byte, MaxMessage)
	for i := range 3 {
		want := std.OK
		if i == 2 {
			want = std.FlipNoPacket
		}
		if s := w.raw[0].Unicast(w.now, a.p, 0, &Packet{Address: flip.Address{8}, Endpoint: 1}, nil, big, 0); s != want && i != 1 {
			t.Errorf("long message %d: %v", i, s)
		}
	}
}

// Two processes cannot have one address, on one node.
func TestRegister_Exists(t *testing.T) {
	w := newNet(t, 2)
	a := w.user(0, flip.Address{1})
	if _, s := w.raw[0].Register(w.now, a.p, 0, flip.Address{1}, 0); s != std.Exists {
		t.Error(s)
	}
	if _, s := w.raw[0].Register(w.now, a.p, 0, flip.Address{1}, AsGroup); s != std.Exists {
		t.Error(s)
	}
	m := w.raw[0]
	m.Freeze(w.now, a.p)
	b, _ := m.Export(a.p)
	w.user(1, flip.Address{1})
	if _, err := w.raw[1].Import(nil, b); err != ErrState {
		t.Error(err)
	}
}

func TestPacket_GoldenBytes(t *testing.T) {
	pk := Packet{Address: flip.Address{0: 0xa0, 15: 0xaf}, Endpoint: 0x01020304, Flags: 0x11121314, Kind: NotDelivered,
		Size: 0x21222324, Token: 0x3132333435363738, Dropped: 0x41424344}
	const want = `a00000000000000000000000000000af 04030201 14131211 04000000 24232221
		3837363534333231 44434241 00000000`
	var b [PacketLen]byte
	pk.Put(&b)
	if got := hex.EncodeToString(b[:]); got != strings.Join(strings.Fields(want), "") {
		t.Errorf("encoded %s", got)
	}
	var back Packet
	if back.Get(&b); back != pk {
		t.Errorf("decoded %+v", back)
	}
}

// sample is a state with something of everything.
func sample(t testing.TB) []byte {
	w := newNet(t, 1)
	m := w.raw[0]
	a := w.user(0, flip.Address{1})
	m.Register(w.now, a.p, 0, flip.Address{3}, AsGroup)
	m.Register(w.now, a.p, 0, flip.Address{}, 0)
	m.Init(a.p)
	m.End(w.now, a.p, 0)
	m.Init(a.p)
	ep, _ := m.Register(w.now, a.p, 1, flip.Address{2}, 0)
	m.Register(w.now, a.p, 1, flip.Address{3}, AsGroup)
	m.Register(w.now, a.p, 1, flip.Address{}, 0)
	m.Unregister(w.now, a.p, 1, 2)
	m.Broadcast(w.now, a.p, 1, &Packet{Endpoint: ep}, []byte("all"), nil, 1)
	m.Unicast(w.now, a.p, 1, &Packet{Address: flip.Address{9}, Endpoint: ep, Token: 5}, []byte("later"), nil, 3e9)
	m.Freeze(w.now, a.p)
	b, ok := m.Export(a.p)
	if !ok {
		t.Fatal("not exported")
	}
	return b
}

var testdata = os.DirFS("testdata")

func TestState_GoldenBytes(t *testing.T) {
	want := golden.Read(t, testdata, "state.hex")
	if got := sample(t); !bytes.Equal(got, want) {
		t.Errorf("encoded\n%x, want\n%x", got, want)
	}
	m := newNet(t, 1).raw[0]
	for n := range want {
		if _, err := m.Import(nil, want[:n]); err == nil {
			t.Errorf("the first %d bytes were taken", n)
		}
	}
	if _, err := m.Import(nil, append(want, 0)); err == nil {
		t.Error("taken with a byte too many")
	}
	if _, err := m.Import(nil, want); err != nil {
		t.Error(err)
	}
}

// FuzzImport: what is not refused has one encoding, and survives being used.
func FuzzImport(f *testing.F) {
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newNet(t, 2)
		m := w.raw[0]
		p, err := m.Import(nil, b)
		if err != nil {
			return
		}
		if again := m.encode(p); !bytes.Equal(again, b) {
			t.Fatalf("%x encodes to %x", b, again)
		}
		m.Activate(w.now, p)
		w.run(20e6)
		for i := range MaxInterfaces {
			for {
				if _, _, _, s := p.First(i); s != std.OK {
					break
				}
				p.Next(i)
			}
		}
		if p.queued != 0 {
			t.Errorf("%d bytes in empty queues", p.queued)
		}
		m.Close(w.now, p)
		if m.points.Len() != 0 || len(m.processes) != 0 {
			t.Errorf("%d endpoints, %d processes are left", m.points.Len(), len(m.processes))
		}
	})
}
