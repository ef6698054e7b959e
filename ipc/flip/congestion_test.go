package flip

import (
	"fmt"
	"testing"
)

// throughput sends messages of 1 MB from box from to box to, two at a time, and
// returns bytes a second.
func (w *inet) throughput(from, to, messages int) float64 {
	w.t.Helper()
	x, y := w.boxes[from], w.boxes[to]
	a, c := w.register(from), w.register(to)
	w.arrives(from, to, a, c, 200_000)
	data := make([]byte, 1_000_000)
	base, sent := len(y.delivers), 0
	start := w.now
	next := func() bool {
		for y.delivers = y.delivers[:len(y.delivers):len(y.delivers)]; sent < messages && sent-(len(y.delivers)-base) < 2; sent++ {
			w.send(from, Send{Src: a, Dst: c, Payload: data})
		}
		for i := range y.delivers {
			y.delivers[i].data = nil
		}
		return len(y.delivers)-base == messages
	}
	w.until("all delivered", next)
	if len(x.notdelivered) != 0 {
		w.t.Errorf("not delivered: %v", x.notdelivered)
	}
	return float64(messages) * 1e6 / (float64(w.now-start) / 1e9)
}

// With 1 % of the frames lost at random, 70 % of the throughput remain.
func TestCongestion_RandomLossCostsLittle(t *testing.T) {
	for _, routed := range []bool{false, true} {
		for _, rate := range []int64{0, 125_000_000} {
			for _, mtu := range []int{1500, 9000, 65535} {
				for _, delay := range []int64{100_000, millisecond} {
					lossless, lossy := lossPair(t, mtu, delay, rate, routed)
					name := fmt.Sprintf("routed %v, %d MB/s, MTU %d, delay %d µs", routed, rate/1e6, mtu, delay/1000)
					t.Logf("%s: %.1f MB/s lossless, %.0f %% of it with 1 %% loss", name, lossless/1e6, 100*lossy/lossless)
					if lossy < 0.7*lossless {
						t.Errorf("%s: %.1f MB/s of %.1f", name, lossy/1e6, lossless/1e6)
					}
				}
			}
		}
	}
}

// lossPair returns the throughput without loss and with 1 %.
func lossPair(t *testing.T, mtu int, delay, rate int64, routed bool) (lossless, lossy float64) {
	var got [2]float64
	for i, loss := range []float64{0, 0.01} {
		w := newInet(t, []int{mtu, mtu})
		for n := range w.nets {
			w.nets[n].delay, w.nets[n].rate = delay, rate
		}
		w.nets[0].loss = loss
		w.add([]int{0})
		w.add([]int{0, 1})
		if routed {
			w.add([]int{1})
		} else {
			w.add([]int{0})
		}
		got[i] = w.throughput(0, 2, 25)
	}
	return got[0], got[1]
}

// Two boxes send through a router to a network of a tenth of the speed, on which it has
// room for 64 KB waiting. The network is used, little is sent in vain, and both get a share.
func TestCongestion_Bottleneck(t *testing.T) {
	w := newInet(t, []int{1500, 1500}, []int{0}, []int{0}, []int{0, 1}, []int{1})
	w.nets[0].rate = 125_000_000
	w.nets[1].rate, w.nets[1].backlog = 12_500_000, 64<<10
	data := make([]byte, 500_000)
	sink := w.register(3)
	got := map[Address]int{}
	src := []Address{w.register(0), w.register(1)}
	start := w.now
	for box, a := range src {
		w.send(box, Send{Src: a, Dst: sink, Payload: data})
	}
	w.run(10*second, func() bool {
		for _, d := range w.boxes[3].delivers {
			got[d.src] += len(d.data)
			for box, a := range src {
				if a == d.src {
					w.send(box, Send{Src: a, Dst: sink, Payload: data})
				}
			}
		}
		w.boxes[3].delivers = nil
		return false
	})
	rate := float64(got[src[0]]+got[src[1]]) / (float64(w.now-start) / 1e9)
	resent, sent := uint64(0), uint64(0)
	for _, box := range []int{0, 1} {
		resent += w.boxes[box].Stats.Resent
		sent += w.boxes[box].Stats.FramesOut
	}
	share := float64(got[src[0]]) / float64(got[src[0]]+got[src[1]])
	t.Logf("%.1f MB/s of 12.5, share %.2f, %d of %d frames sent again", rate/1e6, share, resent, sent)
	if rate < 0.8*12.5e6 {
		t.Errorf("%.1f MB/s", rate/1e6)
	}
	if resent*10 > sent {
		t.Errorf("%d of %d frames sent again", resent, sent)
	}
	if share < 0.25 || share > 0.75 {
		t.Errorf("%v", got)
	}
}

// A network of 10 Mbit/s that has room for a tenth of a second: whatever the window may grow to, little
// is sent in vain.
func TestCongestion_SlowNetwork(t *testing.T) {
	for _, window := range []int{0, 1 << 20} {
		w := newInet(t, []int{9000})
		w.nets[0].rate, w.nets[0].backlog = 1_250_000, 125_000
		w.window = window
		w.add([]int{0})
		w.add([]int{0})
		rate := w.throughput(0, 1, 10)
		s := w.boxes[0].Stats
		t.Logf("window %d: %.2f MB/s of 1.25, %d of %d frames sent again", window, rate/1e6, s.Resent, s.FramesOut)
		if rate < 0.85*1.25e6 || s.Resent*8 > s.FramesOut {
			t.Errorf("window %d: %.2f MB/s of 1.25, %d of %d frames sent again", window, rate/1e6, s.Resent, s.FramesOut)
		}
	}
}

// Messages to one box take turns: equal ones end together, and a short one does not
// wait for a long one.
func TestCongestion_MessagesTakeTurns(t *testing.T) {
	w := newInet(t, []int{1500}, []int{0}, []int{0})
	w.nets[0].rate = 12_500_000
	a, b, c := w.register(0), w.register(0), w.register(1)
	w.arrives(0, 1, a, c, 5)
	start := w.now
	w.send(0, Send{Src: a, Dst: c, Payload: make([]byte, 900_000)})
	w.send(0, Send{Src: b, Dst: c, Payload: make([]byte, 900_000)})
	w.send(0, Send{Src: b, Dst: c, Payload: make([]byte, 20_000)})
	var ends []int64
	w.until("all", func() bool {
		for len(ends) < len(w.boxes[1].delivers)-1 {
			ends = append(ends, (w.now-start)/millisecond)
		}
		return len(ends) == 3
	})
	if ends[0] > 40 || len(w.boxes[1].delivers[1].data) != 20_000 {
		t.Errorf("the short message took %d ms", ends[0])
	}
	if ends[1] < 130 {
		t.Errorf("the long ones took %d and %d ms", ends[1], ends[2])
	}
}
