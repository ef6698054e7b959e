package flip

import (
	"slices"
	"testing"
)

// Networks of different MTU in a line: fragments fit the smallest on the way, which
// the frames that come back have told, so that nothing is sent in vain.
func TestPathMTU_LearntFromWhatComesBack(t *testing.T) {
	for _, mtus := range [][]int{{9000, 1500}, {1500, 9000}, {65535, 9000, 1500}, {65535, 1500, 9000}, {9000, 65535}} {
		w := newInet(t, mtus, []int{0})
		for i := range len(mtus) - 1 {
			w.add([]int{i, i + 1})
		}
		last := len(w.boxes)
		w.add([]int{len(mtus) - 1})
		a, c := w.register(0), w.register(last)
		for _, size := range []int{5, 1432, 1433, 8000, 100_000} {
			w.arrives(0, last, a, c, size)
			w.arrives(last, 0, c, a, size)
		}
		for i, x := range w.boxes {
			if s := x.Stats; s.TooBigOut != 0 || s.Timeouts != 0 || s.Resent != 0 {
				t.Errorf("%v, box %d: %+v", mtus, i, s)
			}
		}
		w.wait(second)
		unit := w.boxes[0].bulks[0].unit
		if want := unitOf(slices.Min(mtus)); unit != want {
			t.Errorf("%v: fragments of %d, want %d", mtus, unit, want)
		}
	}
}

// The way there is narrower than the way back: a router says what fits.
func TestPathMTU_RouterSaysWhatFits(t *testing.T) {
	// Box 1 leads from network 0 to the last by boxes 2 and 3: by 3 over a network of MTU
	// 1500, which is cheap there and dear back.
	w := newInet(t, []int{9000, 9000, 1500, 9000})
	w.weight = map[[2]int]uint8{{3, 2}: 1, {1, 2}: 1, {3, 3}: 9}
	for _, nets := range [][]int{{0}, {0, 1, 2}, {1, 3}, {2, 3}, {3}} {
		w.add(nets)
	}
	a, c := w.register(0), w.register(4)
	w.arrives(0, 4, a, c, 5)
	w.boxes[4].Multicast(&Send{Src: c, Proto: ProtoRaw}) // shows everybody all ways
	w.perform(4)
	w.wait(second / 10)
	router, back := w.boxes[1], w.boxes[4]
	if d := router.dests.Get((*[16]byte)(&c)); d.locs[0].link != 2 {
		t.Fatalf("the router prefers %+v", d.locs[0])
	}
	if d := back.dests.Get((*[16]byte)(&a)); d.locs[0].mac != inetMAC(2, 3) {
		t.Fatalf("the way back is %+v", d.locs[0])
	}
	w.arrives(4, 0, c, a, 50_000) // the mtu that comes back is 9000
	w.arrives(0, 4, a, c, 6000)   // and the router takes the wide way with what needs it
	if n := router.Stats.TooBigOut; n != 0 || w.boxes[2].Stats.Forwarded == 0 {
		t.Errorf("%d times too big", n)
	}
	w.boxes[2].dead = true
	router.dests.Get((*[16]byte)(&c)).remove(hop{1, inetMAC(2, 1)})
	w.arrives(0, 4, a, c, 6000)
	if n := router.Stats.TooBigOut; n != 1 {
		t.Errorf("%d times too big", n)
	}
	wide := Header{Type: HereIs, Dst: a, Src: c, ActHop: 9, MaxHop: 25, MTU: 9000}
	w.boxes[0].Input(w.now, 0, wide.frame(inetMAC(0, 0), inetMAC(1, 0), nil))
	w.arrives(0, 4, a, c, 50_000) // remembered, whatever comes back
	if n := router.Stats.TooBigOut; n != 1 {
		t.Errorf("%d times too big", n)
	}
	if w.boxes[0].floor != 1500 {
		t.Errorf("multicasts in frames of %d", w.boxes[0].floor)
	}
	w.restart(0) // a long message is the first
	a = w.register(0)
	w.boxes[0].Input(w.now, 0, wide.frame(inetMAC(0, 0), inetMAC(1, 0), nil))
	w.arrives(0, 4, a, c, 100_000)
	if n := router.Stats.TooBigOut; n < 2 || n > 20 {
		t.Errorf("%d times too big", n)
	}
	if s := w.boxes[0].Stats; s.Timeouts != 0 {
		t.Errorf("%d timeouts", s.Timeouts)
	}
}

// A multicast fits all networks once their MTU has been heard of.
func TestPathMTU_Multicast(t *testing.T) {
	w := newInet(t, []int{9000, 1500}, []int{0}, []int{0, 1}, []int{1})
	a := w.register(0)
	data := pattern(20_000)
	for range 2 {
		w.boxes[0].Multicast(&Send{Src: a, Proto: ProtoRaw, Payload: data})
		w.wait(second / 10)
	}
	if n := len(w.boxes[2].delivers); n != 1 { // the first taught the sender
		t.Errorf("%d of two arrived", n)
	}
}

func TestSecure_TakesTheSafeWay(t *testing.T) {
	// From network 0 to 3: by 1, which is untrusted, or by 2 and 4, which costs more.
	w := newInet(t, []int{1500, 1500, 1500, 1500, 1500})
	w.nets[1].untrusted = true
	for _, nets := range [][]int{{0}, {0, 1}, {1, 3}, {0, 2}, {2, 4}, {4, 3}, {3}} {
		w.add(nets)
	}
	a, c := w.register(0), w.register(6)
	w.arrives(0, 6, a, c, 5)
	if d := w.boxes[0].dests.Get((*[16]byte)(&c)); !d.locs[0].unsafe {
		t.Fatal("the unsafe way is not known as such")
	}
	for _, size := range []int{10, 50_000} {
		n := len(w.boxes[6].delivers)
		w.send(0, Send{Src: a, Dst: c, Payload: pattern(size), Secure: true})
		w.until("delivered", func() bool { return len(w.boxes[6].delivers) > n })
	}
	// Answers are not secret: only what carries data keeps off the untrusted network.
	w.filter = func(f *inetFrame) bool {
		if f.net == 1 && f.h.Type == UniData && f.h.Src == a {
			t.Error("secure data on the untrusted network")
		}
		return false
	}
	w.send(0, Send{Src: a, Dst: c, Payload: pattern(50_000), Secure: true})
	w.wait(second)
	w.filter = nil
	w.arrives(0, 6, a, c, 20) // the others still take the cheap way
}

func TestSecure_NoSafeWay(t *testing.T) {
	w := newInet(t, []int{1500, 1500}, []int{0}, []int{0, 1}, []int{1})
	w.nets[1].untrusted = true
	for i := range w.boxes {
		w.restart(i)
	}
	a, c := w.register(0), w.register(2)
	w.arrives(0, 2, a, c, 5)
	w.send(0, Send{Src: a, Dst: c, Payload: pattern(10), Secure: true, Patience: second})
	w.send(0, Send{Src: a, Dst: c, Payload: pattern(11)}) // does not wait with it
	w.until("the other", func() bool { return len(w.boxes[2].delivers) == 2 })
	w.until("given up", func() bool { return len(w.boxes[0].notdelivered) > 0 })
	if n := w.boxes[0].notdelivered[0]; n.Reason != Unsafe {
		t.Errorf("%v", n.Reason)
	}
	// A sender that believes in a safe way is told by the router.
	d := w.boxes[0].dests.Get((*[16]byte)(&c))
	d.locs[0].unsafe = false
	w.send(0, Send{Src: a, Dst: c, Payload: pattern(10), Secure: true})
	w.until("refused", func() bool { return len(w.boxes[0].notdelivered) > 1 })
	if n := w.boxes[0].notdelivered[1]; n.Reason != Unsafe || w.boxes[1].Stats.UntrustedOut != 1 {
		t.Errorf("%v, %d UNTRUSTEDs", n.Reason, w.boxes[1].Stats.UntrustedOut)
	}
	w.wait(second)
	if len(w.boxes[2].delivers) != 2 {
		t.Error("a secure message crossed the untrusted network")
	}
}

func TestListeners_AreCounted(t *testing.T) {
	w := newInet(t, []int{1500, 1500}, []int{0}, []int{0, 1}, []int{1}, []int{1}, []int{0})
	a := w.register(0)
	group := Address{7, 7}
	for _, box := range []int{0, 1, 2, 2, 3} { // five members on four boxes
		w.boxes[box].Join(w.now, group)
	}
	send := func(n int, text string) {
		w.boxes[0].MulticastTo(w.now, &Send{Src: a, Dst: group, Proto: ProtoGroup, Payload: []byte(text), Listeners: n, Patience: second})
		w.perform(0)
	}
	send(5, "five")
	w.wait(second / 10)
	for i, x := range w.boxes[:4] {
		if len(x.delivers) != 1 {
			t.Errorf("box %d got %d", i, len(x.delivers))
		}
	}
	w.clearCounts()
	send(5, "five again") // warm: nobody is asked
	send(1, "one")
	w.wait(second / 10)
	if n := w.nets[0].locates + w.nets[1].locates; n != 0 || len(w.boxes[2].delivers) != 3 {
		t.Errorf("%d LOCATEs, %d delivered", n, len(w.boxes[2].delivers))
	}
	other := w.register(4)
	w.boxes[4].MulticastTo(w.now, &Send{Src: other, Dst: group, Listeners: 5, Patience: second})
	w.perform(4)
	w.wait(second / 10)
	if n := len(w.boxes[2].delivers); n != 4 { // the router has no answer of its own for a group
		t.Errorf("another sender: %d delivered", n)
	}
	send(6, "six")
	w.wait(2 * second)
	if n := w.boxes[0].notdelivered; len(n) != 1 || n[0].Reason != TooFew {
		t.Errorf("%v", n)
	}
	send(6, "six with a late one")
	w.wait(second / 2)
	w.boxes[3].Join(w.now, group)
	w.wait(second)
	if n := len(w.boxes[2].delivers); n != 5 || len(w.boxes[0].notdelivered) != 1 {
		t.Errorf("%d delivered, %v", n, w.boxes[0].notdelivered)
	}
	// A member that left does not count for long.
	w.boxes[3].Leave(w.now, group)
	w.boxes[3].Leave(w.now, group)
	w.wait(2 * listenersKnown)
	send(5, "five after one left")
	w.wait(2 * second)
	if n := w.boxes[0].notdelivered; len(n) != 2 || n[1].Reason != TooFew {
		t.Errorf("%v", n)
	}
	if w.boxes[0].held != 0 {
		t.Error("a message is kept")
	}
}

// A group cannot be located for a message to one address.
func TestListeners_UnicastToAGroupFindsNobody(t *testing.T) {
	w := newInet(t, []int{1500}, []int{0}, []int{0})
	a := w.register(0)
	w.boxes[1].Join(w.now, Address{7})
	w.send(0, Send{Src: a, Dst: Address{7}, Patience: second})
	w.wait(2 * second)
	if n := w.boxes[0].notdelivered; len(n) != 1 || n[0].Reason != LocateExpired {
		t.Errorf("%v", n)
	}
}

// A multicast goes no further than its hops.
func TestMulticast_Hops(t *testing.T) {
	w := newInet(t, ethernets[:3], []int{0}, []int{0, 1}, []int{1, 2}, []int{2})
	a := w.register(0)
	for hops, reached := range map[uint8]int{0: 3, 2: 0, 3: 1, 6: 2, 8: 2, 9: 3} {
		before := 0
		for _, x := range w.boxes {
			before += len(x.delivers)
		}
		w.boxes[0].Multicast(&Send{Src: a, Proto: ProtoRaw, Hops: hops})
		w.perform(0)
		w.wait(second)
		for _, x := range w.boxes {
			before -= len(x.delivers)
		}
		if -before != reached {
			t.Errorf("%d hops reach %d boxes", hops, -before)
		}
	}
}
