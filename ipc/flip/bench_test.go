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
