package flip

import (
	"math/rand/v2"
	"testing"
)

func TestBulk_NoLossCostsNoTimeout(t *testing.T) {
	for _, size := range []int{1429, 1433, 3000, 200_000, 1 << 20} {
		w := newTestnet(t, 2, nil)
		a, c := w.register(0), w.register(1)
		data := pattern(size)
		h := w.send(0, a, c, data)
		w.until("delivered", func() bool { return len(w.delivers) > 0 })
		w.run(second / 100)
		w.expect(1, data)
		if state := w.boxes[0].State(h); size > 1432 && state != Gone {
			t.Errorf("%d bytes: still kept, state %d", size, state)
		}
		s := w.boxes[0].Stats
		if s.Timeouts != 0 || s.Resent != 0 {
			t.Errorf("%d bytes: %d timeouts, %d fragments resent", size, s.Timeouts, s.Resent)
		}
		w.boxes[0].checkWindow(t)
	}
}

// checkWindow verifies the accounts of bytes in flight.
func (b *Box) checkWindow(t testing.TB) {
	t.Helper()
	b.peers.All(func(p *peer) bool {
		sum := 0
		for m := p.window.head; m != nil; m = m.next {
			k := m.bulk
			flying, lost := 0, 0
			for i := range k.next {
				switch {
				case hasBit(k.acked, i) && hasBit(k.lost, i):
					t.Errorf("fragment %d is acknowledged and lost", i)
				case hasBit(k.lost, i):
					lost++
				case !hasBit(k.acked, i):
					flying += k.size(m, i)
				}
			}
			if flying != k.inflight || lost != k.nlost {
				t.Errorf("in flight %d, accounted %d; lost %d, accounted %d", flying, k.inflight, lost, k.nlost)
			}
			sum += k.inflight
			if ready := k.nlost > 0 || k.next < k.nfrag; k.inflight > 0 && !m.timer.Armed() ||
				k.inflight == 0 && (!ready || p.inflight == 0) {
				t.Errorf("a message that nothing will wake: %d in flight, %d by its peer, ready %v", k.inflight, p.inflight, ready)
			}
		}
		if sum != p.inflight {
			t.Errorf("messages have %d bytes in flight, their peer %d", sum, p.inflight)
		}
		return true
	})
}

func TestBulk_SurvivesTheWire(t *testing.T) {
	for _, test := range []struct {
		name    string
		loss    float64
		copies  int
		reorder bool
	}{
		{"loss 1%", 0.01, 1, false},
		{"loss 20%", 0.20, 1, false},
		{"duplication", 0, 2, false},
		{"reordering", 0, 1, true},
		{"all", 0.10, 2, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			w := newTestnet(t, 2, nil)
			w.copies = test.copies
			w.filter = func(int, *Header) bool {
				if n := len(w.wire); test.reorder && n > 2 {
					i := rng.IntN(n-1) + 1 // swap with a neighbour: mild reordering
					w.wire[i].bytes, w.wire[i-1].bytes = w.wire[i-1].bytes, w.wire[i].bytes
				}
				return rng.Float64() < test.loss
			}
			a, c := w.register(0), w.register(1)
			var want [][]byte
			for i := range 20 {
				want = append(want, pattern(2000+i*i*500))
			}
			for i, data := range want {
				w.send(0, a, c, data)
				if i%2 == 0 {
					continue // two at a time share the window
				}
				w.until("delivered", func() bool {
					w.boxes[0].checkWindow(t)
					return len(w.delivers) > i
				})
			}
			if n := len(w.notdelivered); n != 0 {
				t.Errorf("gave up %d messages: %v", n, w.notdelivered)
			}
			w.run(30 * second)
			if w.boxes[0].held != 0 || len(w.boxes[1].joins) != 0 || w.boxes[1].joinBytes != 0 {
				t.Errorf("left over: %d messages, %d joins", w.boxes[0].held, len(w.boxes[1].joins))
			}
		})
	}
}

func TestBulk_LastAckLost(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	lost := 0
	w.filter = func(_ int, h *Header) bool {
		if h.Type == Ack && h.Offset == h.Total && lost < 3 {
			lost++
			return true
		}
		return false
	}
	data := pattern(100_000)
	h := w.send(0, a, c, data)
	w.until("released", func() bool { return w.boxes[0].State(h) == Gone })
	w.expect(1, data)
	if lost != 3 || len(w.notdelivered) != 0 {
		t.Errorf("lost %d, notices %v", lost, w.notdelivered)
	}
}

func TestBulk_OnlyMissingFragmentsAreSentAgain(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	n := 0
	w.filter = func(_ int, h *Header) bool {
		if h.Type == UniData {
			n++
			return n == 10 || n == 11 || n == 50
		}
		return false
	}
	data := pattern(200_000)
	w.send(0, a, c, data)
	w.until("delivered", func() bool { return len(w.delivers) > 0 })
	w.expect(1, data)
	if s := w.boxes[0].Stats; s.Resent != 3 || s.Timeouts != 0 {
		t.Errorf("%d fragments resent after %d timeouts", s.Resent, s.Timeouts)
	}
}

func TestBulk_WindowBoundsWhatIsInFlight(t *testing.T) {
	w := newTestnet(t, 2, func(c *Config) { c.Window = 20_000 })
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(second / 100)
	for range 3 {
		w.send(0, a, c, pattern(100_000))
	}
	w.until("delivered", func() bool {
		b := w.boxes[0]
		b.peers.All(func(p *peer) bool {
			if p.inflight > 20_000+1432 {
				t.Errorf("%d bytes in flight", p.inflight)
			}
			return true
		})
		b.checkWindow(t)
		return len(w.delivers) == 4
	})
}

func TestBulk_SilenceIsStalled(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(second / 100)
	w.filter = func(from int, h *Header) bool { return h.Type == Ack || h.Type == UniData && h.Offset > 100_000 }
	start := w.now
	w.boxes[0].Unicast(w.now, &Send{Src: a, Dst: c, Proto: ProtoRaw, Payload: pattern(200_000), Token: 5})
	w.until("given up", func() bool { return len(w.notdelivered) > 0 })
	if n := w.notdelivered[0]; n.Reason != Stalled || n.Token != 5 {
		t.Errorf("%+v", n)
	}
	if took := w.now - start; took > 20*second {
		t.Errorf("after %d s", took/second)
	}
	w.run(10 * second)
	if w.boxes[1].joinBytes != 0 {
		t.Error("the receiver still waits")
	}
}

// A message that was on its way when the box died may have arrived, however its
// search ended.
func TestBulk_DeadBoxIsStalledNotUnfound(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(second / 100)
	h := w.send(0, a, c, pattern(200_000))
	w.filter = func(from int, h *Header) bool { return from == 1 }
	if w.boxes[0].Unsent(h) {
		t.Error("unsent, though on the wire")
	}
	w.until("given up", func() bool { return len(w.notdelivered) > 0 })
	if n := w.notdelivered[0]; n.Reason != Stalled {
		t.Errorf("%v", n.Reason)
	}
}

func TestBulk_BoxDiesAddressLivesOn(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(second / 100)
	data := pattern(500_000)
	w.send(0, a, c, data)
	w.run(150_000) // under way
	w.move(c, 1, 2, true)
	w.filter = func(from int, h *Header) bool { return from == 1 } // power off, no NOTHERE
	w.until("delivered", func() bool { return len(w.delivers) == 2 })
	w.expect(2, data)
}

func TestBulk_FrozenUnderWay(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(second / 100)
	data := pattern(1 << 20)
	w.send(0, a, c, data)
	w.run(250_000)
	if w.boxes[1].joinBytes == 0 {
		t.Fatal("not under way")
	}
	w.boxes[1].Freeze(w.now, c)
	if w.boxes[1].joinBytes != 0 {
		t.Error("the frozen address still collects")
	}
	w.run(second)
	w.move(c, 1, 2, false)
	w.run(second / 10)
	w.expect(2, data)
}

// A box that was started anew says NOTHERE about a message that an earlier one may
// have received in full. If the first fragments are refused, nobody has it.
func TestBulk_RefusedByANewBox(t *testing.T) {
	for _, test := range []struct {
		acked bool
		want  Reason
	}{{true, Stalled}, {false, GoneAway}} {
		w := newTestnet(t, 2, nil)
		a, c := w.register(0), w.register(1)
		w.send(0, a, c, nil)
		w.run(second / 100)
		w.filter = func(_ int, h *Header) bool { return test.acked && h.Type == Ack && h.Offset == h.Total }
		if !test.acked {
			w.boxes[1].Unregister(w.now, c)
		}
		w.send(0, a, c, pattern(20_000))
		w.run(1000 * 1000)
		w.boxes[1] = newTestnet(t, 2, nil).boxes[1]
		w.until("given up", func() bool { return len(w.notdelivered) > 0 })
		if n := w.notdelivered[0]; n.Reason != test.want {
			t.Errorf("acknowledged %v: %v", test.acked, n.Reason)
		}
	}
}

// A freeze that is over before the sender notices costs the receiver what it had.
func TestBulk_FrozenAndThawedUnderWay(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(second / 100)
	n := 0
	w.filter = func(_ int, h *Header) bool {
		n++
		return h.Type == UniData && n == 8 // one is missing when the rest has been acknowledged
	}
	data := pattern(12_000)
	w.send(0, a, c, data)
	w.until("missing one", func() bool { return len(w.boxes[1].joins) == 1 && w.boxes[1].joins[0].got == 8 })
	w.filter = func(from int, h *Header) bool { return from == 1 && h.Type == Locate } // the announcement
	w.boxes[1].Freeze(w.now, c)
	w.boxes[1].Thaw(w.now, c)
	w.until("delivered", func() bool {
		w.boxes[0].checkWindow(t)
		return len(w.delivers) == 2
	})
	w.expect(1, nil, data)
}

func TestJoin_MemoryIsBounded(t *testing.T) {
	w := newTestnet(t, 1, func(c *Config) { c.JoinBytes = 3 << 20; c.SourceBytes = 2 << 20; c.MaxJoins = 10 })
	b := w.boxes[0]
	a := w.register(0)
	for i := range 5000 {
		total := uint32(1000 + i*1000%(1<<20))
		h := Header{Type: UniData, Dst: a, Src: Address{byte(i % 3)}, MessID: uint64(i), Length: 300, Total: total}
		b.Input(w.now, 0, h.frame(testMAC(0), testMAC(1), make([]byte, 300)))
		sum := 0
		for _, j := range b.joins {
			sum += len(j.buf)
		}
		if sum != b.joinBytes || sum > 3<<20 || len(b.joins) > 10 || b.fromSource(&h.Src) > 2<<20 {
			t.Fatalf("%d bytes in %d joins, accounted %d", sum, len(b.joins), b.joinBytes)
		}
	}
	w.run(10 * second)
	if len(b.joins) != 0 || b.joinBytes != 0 {
		t.Errorf("%d joins left", len(b.joins))
	}
}

// TestJoin_AnyOrder puts a message together from every order of its fragments.
func TestJoin_AnyOrder(t *testing.T) {
	data := pattern(3*512 + 100)
	var order [4]int
	var try func(k int)
	try = func(k int) {
		if k < len(order) {
		next:
			for i := range order {
				for _, used := range order[:k] {
					if used == i {
						continue next
					}
				}
				order[k] = i
				try(k + 1)
			}
			return
		}
		w := newTestnet(t, 1, nil)
		a := w.register(0)
		for _, i := range order {
			end := min((i+1)*512, len(data))
			h := Header{Type: UniData, Dst: a, Src: Address{1}, MessID: 1, Offset: uint32(i * 512),
				Length: uint32(end - i*512), Total: uint32(len(data))}
			w.boxes[0].Input(w.now, 0, h.frame(testMAC(0), testMAC(1), data[i*512:end]))
		}
		w.perform()
		w.expect(0, data)
	}
	try(0)
}
