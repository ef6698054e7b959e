package flip

import (
	"slices"
	"strings"
	"testing"
)

var ethernets = []int{1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500}

func TestForward_ColdLocateAcrossTwoRouters(t *testing.T) {
	w := newInet(t, ethernets[:3], []int{0}, []int{0, 1}, []int{1, 2}, []int{2})
	a, c := w.register(0), w.register(3)
	w.trace = true
	w.arrives(0, 3, a, c, 5)
	want := "0:a LOCATE, 1:a NOTHERE, " + // the edge of the first ring
		"0:a LOCATE, 1:b LOCATE, 2:c LOCATE, " +
		"3:c HEREIS, 2:b HEREIS, 1:a HEREIS, " +
		"0:a UNIDATA, 1:b UNIDATA, 2:c UNIDATA"
	if got := strings.Join(w.log, ", "); got != want {
		t.Errorf("frames\n%s, want\n%s", got, want)
	}
	w.clearCounts()
	w.arrives(3, 0, c, a, 100_000) // warm
	w.arrives(0, 3, a, c, 100_000)
	for i, n := range w.nets {
		if n.broadcasts+n.hereIs+n.locates != 0 {
			t.Errorf("network %d: %+v", i, n)
		}
	}
	if s := w.boxes[0].Stats; s.Timeouts+s.Resent != 0 {
		t.Errorf("%+v", s)
	}
}

// What is on the asker's own network is found without asking others.
func TestForward_FirstRingStaysAtHome(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{0}, []int{1})
	a, c := w.register(0), w.register(2)
	w.arrives(0, 2, a, c, 5)
	w.wait(second)
	if n := w.nets[1].frames; n != 0 {
		t.Errorf("%d frames on the other network", n)
	}
}

// A router that knows answers at the edge of the first ring.
func TestForward_RouterAnswersFromItsTable(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{1}, []int{0})
	a, c, e := w.register(0), w.register(2), w.register(3)
	w.arrives(0, 2, a, c, 5)
	w.clearCounts()
	w.arrives(3, 2, e, c, 5)
	if n := w.nets[1]; n.locates != 0 || n.hereIs != 0 || w.nets[0].hereIs != 1 {
		t.Errorf("%+v", w.nets)
	}
}

// ring returns networks in a circle with a router between each two, and a box on each.
func ring(t *testing.T, n int) *inet {
	w := newInet(t, ethernets[:n])
	for i := range n {
		w.add([]int{i, (i + 1) % n})
	}
	for i := range n {
		w.add([]int{i})
	}
	return w
}

func TestForward_RingDoesNotStorm(t *testing.T) {
	const n = 6
	w := ring(t, n)
	a, c := w.register(n), w.register(n+n/2)
	w.arrives(n, n+n/2, a, c, 5)
	w.wait(second)
	locates, hereIs, frames := 0, 0, 0
	for _, x := range w.nets {
		locates += x.locates
		hereIs += x.hereIs
		frames += x.frames
	}
	// The first ring, two edges, the question to both, one broadcast on each network
	// but two where they meet, the answer and the message over three networks.
	if locates > 1+2+n || hereIs > n/2+1 || frames > 30 {
		t.Errorf("%d LOCATEs, %d HEREISs, %d frames", locates, hereIs, frames)
	}
	w.clearCounts()
	w.boxes[n].Multicast(&Send{Src: a, Proto: ProtoRaw, Payload: pattern(4000)})
	w.wait(second)
	got := 0
	for i, x := range w.boxes {
		if len(x.delivers) > 0 && i != n && i != n+n/2 {
			got++
		}
	}
	if got != 2*n-2 || len(w.boxes[n+n/2].delivers) != 2 || len(w.boxes[n].delivers) != 0 {
		t.Errorf("%d of %d boxes got the broadcast", got, 2*n-2)
	}
	for i, x := range w.nets {
		if x.frames < 3 || x.frames > 6 { // three fragments, by one router or by both
			t.Errorf("%d frames on network %d", x.frames, i)
		}
	}
	for i, x := range w.boxes {
		if x.Stats.Conflicts != 0 {
			t.Errorf("box %d sees a conflict in its own frames come round", i)
		}
	}
}

func TestForward_HopLimitEndsTheWay(t *testing.T) {
	w := newInet(t, ethernets) // nine Ethernets in a line cost 27
	for i := range 8 {
		w.add([]int{i, i + 1})
	}
	w.add([]int{0})
	w.add([]int{8})
	w.add([]int{7})
	a, far, near := w.register(8), w.register(9), w.register(10)
	w.arrives(8, 10, a, near, 5)
	w.send(8, Send{Src: a, Dst: far, Patience: second})
	w.until("given up", func() bool { return len(w.boxes[8].notdelivered) > 0 })
	if n := w.boxes[8].notdelivered[0]; n.Reason != LocateExpired {
		t.Errorf("%+v", n)
	}
}

func TestForward_MoveAcrossARouter(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{0}, []int{1})
	a, c := w.register(0), w.register(2)
	w.arrives(0, 2, a, c, 5)
	w.move(c, 2, 3)
	w.wait(second / 100)
	w.clearCounts()
	w.arrives(0, 3, a, c, 50_000) // announced: nobody asks
	if n := w.nets[0].broadcasts + w.nets[1].broadcasts; n != 0 {
		t.Errorf("%d broadcasts", n)
	}
	w.filter = func(f *inetFrame) bool { return f.h.Type == Locate && f.h.Src == c } // not announced
	w.move(c, 3, 2)
	w.wait(second / 100)
	w.trace = true
	w.arrives(0, 2, a, c, 5)
	want := []string{"0:a UNIDATA", "1:b UNIDATA", "3:b NOTHERE", "1:a NOTHERE"}
	if !slices.Equal(w.log[:4], want) {
		t.Errorf("frames %v, want %v", w.log[:4], want)
	}
}

func TestForward_BusyAcrossARouter(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{1}, []int{0})
	a, c := w.register(0), w.register(2)
	w.arrives(0, 2, a, c, 5)
	w.boxes[2].Freeze(w.now, c)
	h := w.send(0, Send{Src: a, Dst: c, Payload: pattern(20_000), Patience: second})
	w.clearCounts()
	w.wait(30 * second)
	if s := w.boxes[0].State(h); s != HeldBusy {
		t.Fatalf("state %v: %v", s, w.boxes[0].notdelivered)
	}
	if w.nets[0].broadcasts > 300 {
		t.Errorf("%d broadcasts while busy", w.nets[0].broadcasts)
	}
	w.move(c, 2, 3)
	w.until("delivered", func() bool { return len(w.boxes[3].delivers) == 1 })
	if w.boxes[1].nlocsOf(c) != 1 {
		t.Error("the router keeps the old place")
	}
}

func (x *inetBox) nlocsOf(a Address) int {
	if d := x.dests.Get((*[16]byte)(&a)); d != nil {
		return d.nlocs
	}
	return 0
}

// parallel is two networks with two routers between them, boxes 1 and 2.
func parallel(t testing.TB) *inet {
	return newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{0, 1}, []int{1})
}

func TestForward_ParallelRouterDies(t *testing.T) {
	for victim := 1; victim <= 2; victim++ {
		w := parallel(t)
		a, c := w.register(0), w.register(3)
		w.arrives(0, 3, a, c, 5)
		w.arrives(3, 0, c, a, 5)
		data := 900_000
		start := w.now
		w.send(0, Send{Src: a, Dst: c, Payload: pattern(data)})
		w.send(3, Send{Src: c, Dst: a, Payload: pattern(data)})
		w.run(second, func() bool { return len(w.boxes[3].joins) > 0 && w.boxes[3].joins[0].got > 300 })
		w.boxes[victim].dead = true
		w.until("both ways", func() bool { return len(w.boxes[0].delivers) == 2 && len(w.boxes[3].delivers) == 2 })
		if took := w.now - start; took > second/2 {
			t.Errorf("router %d: after %d ms", victim, took/millisecond)
		}
		// Single fragments find the other way when they are sent again past the caches.
		w.send(0, Send{Src: a, Dst: c, Payload: []byte("x"), Invalidate: true})
		w.until("single", func() bool { return len(w.boxes[3].delivers) == 3 })
		w.send(3, Send{Src: c, Dst: a, Payload: []byte("y")})
		w.until("and back at once", func() bool { return len(w.boxes[0].delivers) == 3 })
		// And when the router is back, the other may go.
		w.restart(victim)
		w.boxes[3-victim].dead = true
		w.arrives(0, 3, a, c, data)
	}
}

// A router that is started anew does not refuse what may have passed before.
func TestForward_NewRouterRefusesNothingForASecond(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{1})
	a, c := w.register(0), w.register(2)
	w.arrives(0, 2, a, c, 5)
	w.restart(1)
	w.trace = true
	w.send(0, Send{Src: a, Dst: c})
	w.wait(second / 2)
	if slices.Contains(w.log, "1:a NOTHERE") {
		t.Errorf("refused: %v", w.log)
	}
	w.wait(second)
	w.arrives(0, 2, a, c, 5)
	if !slices.Contains(w.log, "1:a NOTHERE") {
		t.Errorf("not refused: %v", w.log)
	}
}

// The promise of NOTHERE: a copy of a message that has passed is not refused when
// the way is gone, nor is a refusal handed on that is about one of two copies.
func TestForward_RefusesOnlyWhatDidNotPass(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{1}, []int{1})
	a, c := w.register(0), w.register(2)
	w.arrives(0, 2, a, c, 5)
	w.wait(2 * second)
	router := w.boxes[1]
	h := Header{Type: UniData, Proto: ProtoRaw, Dst: c, Src: a, MessID: 1 << 50, Length: 1, Total: 1, ActHop: 3, MaxHop: 25, MTU: 1500}
	frame := h.frame(inetMAC(1, 0), inetMAC(0, 0), []byte("x"))
	router.Input(w.now, 0, frame)
	if len(router.Out.Frames) != 1 || router.Out.Frames[0].Link != 1 {
		t.Fatal("not forwarded")
	}
	router.Out.Reset()
	d := router.dests.Get((*[16]byte)(&c))
	d.nlocs = 0
	router.Input(w.now, 0, frame)
	if len(router.Out.Frames) != 0 {
		t.Error("a copy of what has passed is refused")
	}
	h.MessID++
	router.Input(w.now, 0, h.frame(inetMAC(1, 0), inetMAC(0, 0), []byte("x")))
	if len(router.Out.Frames) != 1 {
		t.Error("what has not passed is not refused")
	}
	router.Out.Reset()
	// A third message goes two ways, and is refused at the end of one.
	h.MessID++
	frame = h.frame(inetMAC(1, 0), inetMAC(0, 0), []byte("x"))
	for _, box := range []int{2, 3} {
		d.nlocs = 0
		d.insert(location{hop: hop{1, inetMAC(box, 1)}, hops: 3, mtu: 1500, heard: w.now})
		router.Input(w.now, 0, frame)
	}
	no := Header{Type: NotHere, Dst: a, Src: c, MessID: h.MessID, ActHop: 3, MaxHop: 25, MTU: 1500}
	router.Out.Reset()
	router.Input(w.now, 1, no.frame(inetMAC(1, 1), inetMAC(3, 1), nil))
	if len(router.Out.Frames) != 0 {
		t.Error("a refusal of one copy is handed on")
	}
}

// A thousand boxes on forty networks: the cost of finding one.
func TestForward_ThousandBoxes(t *testing.T) {
	const networks, boxes = 40, 1000
	mtus := make([]int, networks)
	for i := range mtus {
		mtus[i] = 1500
	}
	w := newInet(t, mtus)
	for n := 1; n < networks; n++ { // a tree: three networks hang on each
		w.add([]int{(n - 1) / 3, n})
	}
	for i := len(w.boxes); i < boxes; i++ {
		w.add([]int{i % networks})
	}
	for _, pair := range [][2]int{{999, 500}, {600, 77}, {41, 998}} {
		a, c := w.register(pair[0]), w.register(pair[1])
		w.clearCounts()
		answers := w.boxes[pair[1]].Stats.HereIsOut
		w.arrives(pair[0], pair[1], a, c, 5)
		w.wait(second / 10)
		for i, n := range w.nets {
			if n.broadcasts > 1 {
				t.Errorf("%v: %d broadcasts on network %d", pair, n.broadcasts, i)
			}
		}
		total := uint64(0)
		for _, x := range w.boxes {
			total += x.Stats.HereIsOut
		}
		if n := w.boxes[pair[1]].Stats.HereIsOut - answers; n != 1 {
			t.Errorf("%v: %d HEREISs of %d", pair, n, total)
		}
		w.clearCounts()
		w.arrives(pair[0], pair[1], a, c, 5)
		w.arrives(pair[1], pair[0], c, a, 5)
		w.wait(second / 10)
		for i, n := range w.nets {
			if n.broadcasts+n.hereIs != 0 {
				t.Errorf("%v: warm, and %+v on network %d", pair, n, i)
			}
		}
	}
	total := uint64(0)
	for _, x := range w.boxes {
		total += x.Stats.HereIsOut
	}
	if total != 3 {
		t.Errorf("%d HEREISs for three addresses", total)
	}
}

// A box may be on two networks without being a router.
func TestForward_NotUnlessItIsARouter(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0, 1}, []int{1})
	w.boxes[1].cfg.NoForward = true
	a, r, c := w.register(0), w.register(1), w.register(2)
	w.arrives(0, 1, a, r, 5)
	w.arrives(2, 1, c, r, 5)
	w.send(0, Send{Src: a, Dst: c, Patience: second})
	w.until("given up", func() bool { return len(w.boxes[0].notdelivered) > 0 })
	if w.boxes[1].Stats.Forwarded != 0 {
		t.Error("it forwards")
	}
}

// LOCATEs that are passed on count against the rate of the network they go to, and
// repeated ones leave room for the first of each address.
func TestForward_LocateRateIsLimited(t *testing.T) {
	w := newInet(t, ethernets[:2], []int{0}, []int{0}, []int{0}, []int{0, 1}, []int{1}, []int{0})
	for box := range 3 {
		a := w.register(box)
		for range 60 {
			w.boxes[box].Unicast(w.now, &Send{Src: a, Dst: NewAddress(w.rng.Uint64)})
		}
		w.perform(box)
	}
	w.wait(second * 9 / 10)
	if n := w.nets[1].locates; n > locateRate {
		t.Errorf("%d LOCATEs in a second", n)
	}
	w.wait(2 * second) // all have been asked for once
	w.clearCounts()
	a, c := w.register(5), w.register(4)
	start := w.now
	w.arrives(5, 4, a, c, 5)
	if took := w.now - start; took > 20*millisecond {
		t.Errorf("found after %d ms, behind what nobody has", took/millisecond)
	}
}
