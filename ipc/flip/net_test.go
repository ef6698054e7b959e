package flip

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"motile/ipc/internal/deadline"
)

// testnet is a link with a few boxes on it. Frames take 100 µs. Tests may look
// at each frame and drop it.
type testnet struct {
	t      testing.TB
	now    int64
	boxes  []*Box
	wire   []testframe
	filter func(from int, h *Header) (drop bool)
	copies int // of each frame; 1 if zero

	delivers     []testdeliver
	notdelivered []NotDelivered
	log          []string // types of the frames, as "1>2 LOCATE"
}

type testframe struct {
	at    int64
	from  int
	bytes []byte
}

type testdeliver struct {
	box  int
	dst  Address
	src  Address
	data []byte
}

const testLatency = 100_000

func newTestnet(t testing.TB, n int, change func(*Config)) *testnet {
	w := &testnet{t: t, now: 1e9}
	for i := range n {
		rng := rand.New(rand.NewPCG(uint64(i), 99))
		cfg := Config{Rand: rng.Uint64, Links: []Link{{MAC: testMAC(i), MTU: 1500}}}
		if change != nil {
			change(&cfg)
		}
		w.boxes = append(w.boxes, NewBox(cfg))
	}
	return w
}

func testMAC(i int) MAC { return MAC{2, 0, 0, 0, 0, byte(i)} }

// register makes a fresh address on a box.
func (w *testnet) register(box int) Address {
	a, ok := w.boxes[box].Register(w.now, NewAddress(w.boxes[box].cfg.Rand))
	if !ok {
		w.t.Fatal("not registered")
	}
	return a
}

// perform carries out all effects.
func (w *testnet) perform() {
	for i, b := range w.boxes {
		for k := range b.Out.Frames {
			f := &b.Out.Frames[k]
			raw := append(append([]byte(nil), f.Head()...), f.Body...)
			var h Header
			if _, ok := Decode(&h, raw); !ok {
				w.t.Fatalf("box %d sent nonsense: %x", i, raw)
			}
			if len(raw) > EtherLen+1500 {
				w.t.Fatalf("frame of %d bytes", len(raw))
			}
			w.log = append(w.log, string(rune('0'+i))+" "+h.Type.String())
			if w.filter != nil && w.filter(i, &h) {
				continue
			}
			for range max(w.copies, 1) {
				w.wire = append(w.wire, testframe{at: w.now + testLatency, from: i, bytes: raw})
			}
		}
		for k := range b.Out.Delivers {
			d := &b.Out.Delivers[k]
			w.delivers = append(w.delivers, testdeliver{box: i, dst: d.Dst, src: d.Src,
				data: append(append([]byte(nil), d.Head()...), d.Body...)})
		}
		w.notdelivered = append(w.notdelivered, b.Out.NotDelivered...)
		b.Out.Reset()
	}
}

// step lets the next thing happen; it reports false if nothing is left to.
func (w *testnet) step() bool {
	w.perform()
	next, who := deadline.Never, -1
	for i, b := range w.boxes {
		if at := b.NextDeadline(); at < next {
			next, who = at, i
		}
	}
	if len(w.wire) > 0 && w.wire[0].at <= next {
		f := w.wire[0]
		w.wire = w.wire[1:]
		w.now = max(w.now, f.at)
		to := MAC(f.bytes[:6])
		for i, b := range w.boxes {
			if i != f.from && (to == Broadcast || to == testMAC(i)) {
				b.Input(w.now, 0, f.bytes)
			}
		}
		w.perform()
		return true
	}
	if who < 0 {
		return false
	}
	w.now = max(w.now, next)
	w.boxes[who].Tick(w.now)
	w.perform()
	return true
}

// run lets time pass.
func (w *testnet) run(d int64) {
	for end := w.now + d; ; {
		w.perform()
		next := deadline.Never
		for _, b := range w.boxes {
			next = min(next, b.NextDeadline())
		}
		if len(w.wire) > 0 {
			next = min(next, w.wire[0].at)
		}
		if next > end {
			w.now = end
			return
		}
		w.step()
	}
}

// until runs until the condition holds, for ten virtual minutes at most.
func (w *testnet) until(what string, cond func() bool) {
	w.t.Helper()
	for end := w.now + 600*second; w.now < end; {
		w.perform()
		if cond() {
			return
		}
		if !w.step() {
			break
		}
	}
	w.t.Fatalf("never happened: %s; frames %v", what, w.log)
}

func (w *testnet) send(box int, src, dst Address, payload []byte) Handle {
	h := w.boxes[box].Unicast(w.now, &Send{Src: src, Dst: dst, Proto: ProtoRaw, Payload: payload})
	w.perform()
	return h
}

// expect checks that exactly these messages have been delivered to a box.
func (w *testnet) expect(box int, messages ...[]byte) {
	w.t.Helper()
	var got [][]byte
	for _, d := range w.delivers {
		if d.box == box {
			got = append(got, d.data)
		}
	}
	if len(got) != len(messages) {
		w.t.Fatalf("box %d got %d messages, want %d; frames %v", box, len(got), len(messages), w.log)
	}
	for i := range got {
		if !bytes.Equal(got[i], messages[i]) {
			w.t.Fatalf("box %d: message %d is %d bytes and wrong", box, i, len(got[i]))
		}
	}
}

// pattern returns n bytes that betray misplaced fragments.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*7 ^ byte(i>>16)*31
	}
	return b
}
