package flip

import "testing"

// benchNet is two boxes back to back: a frame goes from one's Out through a
// buffer, as through a driver's ring, into the other's Input.
type benchNet struct {
	boxes [2]*Box
	ring  [2048]byte
	got   int
}

func newBenchNet(mtu int) (*benchNet, Address, Address) {
	w := &benchNet{}
	var addr [2]Address
	buffer := make([]byte, 1<<20)
	for i := range w.boxes {
		n := uint64(i)
		w.boxes[i] = NewBox(Config{
			Rand:  func() uint64 { n += 2; return n * 0x9e3779b97f4a7c15 },
			Links: []Link{{MAC: testMAC(i), MTU: mtu}},
			Alloc: func(n int) []byte { return buffer[:n] }, // the receiver recycles
		})
		w.boxes[i].SetHeaderLen(ProtoRPC, 88)
		addr[i], _ = w.boxes[i].Register(0, NewAddress(w.boxes[i].cfg.Rand))
	}
	return w, addr[0], addr[1]
}

// exchange moves frames until none is left.
func (w *benchNet) exchange(now int64) {
	for moved := true; moved; {
		moved = false
		for i, b := range w.boxes {
			for k := range b.Out.Frames {
				f := &b.Out.Frames[k]
				n := copy(w.ring[:], f.Head())
				n += copy(w.ring[n:], f.Body)
				w.boxes[1-i].Input(now, 0, w.ring[:n])
				moved = true
			}
			w.got += len(b.Out.Delivers)
			b.Out.Reset()
		}
	}
}

func BenchmarkBulk1MiB(b *testing.B) {
	w, from, to := newBenchNet(1500)
	data := make([]byte, 1<<20-100)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	now := int64(0)
	for b.Loop() {
		now += 10 * millisecond
		w.boxes[0].Unicast(now, &Send{Src: from, Dst: to, Proto: ProtoRPC, Payload: data})
		w.exchange(now)
	}
	if w.got != b.N || w.boxes[0].Stats.Timeouts != 0 {
		b.Fatalf("%d of %d delivered, %d timeouts", w.got, b.N, w.boxes[0].Stats.Timeouts)
	}
}

// BenchmarkSingle is one header-only message: the cost of a Unicast, a frame
// and an Input.
func BenchmarkSingle(b *testing.B) {
	w, from, to := newBenchNet(1500)
	head := make([]byte, 88)
	b.ReportAllocs()
	now := int64(0)
	for b.Loop() {
		now += 1000
		w.boxes[0].Unicast(now, &Send{Src: from, Dst: to, Proto: ProtoRPC, Header: head, Fleeting: true})
		w.exchange(now)
	}
}

// BenchmarkInput is one frame of the most frequent kind being made and coming in.
func BenchmarkInput(b *testing.B) {
	w, from, to := newBenchNet(1500)
	w.boxes[0].Unicast(0, &Send{Src: from, Dst: to, Proto: ProtoRPC})
	w.exchange(0)
	h := Header{Type: UniData, Proto: ProtoRPC, Dst: to, Src: from, Length: 88, Total: 88, ActHop: 3}
	b.ReportAllocs()
	raw := make([]byte, frameHeadLen+88)
	for b.Loop() {
		h.MessID++
		h.put(raw, testMAC(1), testMAC(0))
		seal(raw, nil)
		w.boxes[1].Input(1, 0, raw)
		w.boxes[1].Out.Reset()
	}
}

// BenchmarkForward is a short frame passing a router.
func BenchmarkForward(b *testing.B) {
	router, frame := forwarded()
	b.ReportAllocs()
	for b.Loop() {
		router.Input(1, 0, frame)
		router.Out.Reset()
	}
	if router.Stats.Forwarded < uint64(b.N) {
		b.Fatalf("%+v", router.Stats)
	}
}

// forwarded returns a router and a frame that it sends on.
func forwarded() (*Box, []byte) {
	n := uint64(0)
	router := NewBox(Config{Rand: func() uint64 { n++; return n },
		Links: []Link{{MAC: testMAC(0), MTU: 1500}, {MAC: testMAC(0), MTU: 1500}}})
	from, to := Address{1}, Address{2}
	here := Header{Type: HereIs, Src: to, ActHop: 3, MaxHop: 25, MTU: 1500}
	router.Input(1, 1, here.frame(testMAC(0), testMAC(2), nil))
	h := Header{Type: UniData, Proto: ProtoRPC, Dst: to, Src: from, Length: 88, Total: 88, ActHop: 3, MaxHop: 25, MTU: 1500}
	return router, h.frame(testMAC(0), testMAC(1), make([]byte, 88))
}

// What every transaction is made of allocates nothing: not at its ends, nor at a router.
func TestSingle_AllocatesNothing(t *testing.T) {
	w, from, to := newBenchNet(1500)
	head := make([]byte, 88)
	now := int64(0)
	ends := func() {
		now += 1000
		w.boxes[0].Unicast(now, &Send{Src: from, Dst: to, Proto: ProtoRPC, Header: head})
		w.exchange(now)
	}
	router, frame := forwarded()
	pass := func() {
		router.Input(1, 0, frame)
		router.Out.Reset()
	}
	for range 5000 { // until the tables have their size
		ends()
		if now%second == 0 {
			w.boxes[0].Tick(now)
		}
	}
	w.boxes[0].Tick(now + 2*second)
	now += 2 * second
	for name, f := range map[string]func(){"ends": ends, "router": pass} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %.1f allocations", name, n)
		}
	}
}
