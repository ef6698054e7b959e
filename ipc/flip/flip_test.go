package flip

import (
	"slices"
	"strings"
	"testing"
)

func TestUnicast_ColdLocate(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(2)
	w.send(0, a, c, []byte("hello"))
	w.run(second / 100)
	w.expect(2, []byte("hello"))
	w.expect(1)
	want := []string{"0 LOCATE", "2 HEREIS", "0 UNIDATA"}
	if !slices.Equal(w.log, want) {
		t.Errorf("frames %v, want %v", w.log, want)
	}
	// The way back is known, and so is the way there.
	w.log = nil
	w.send(2, c, a, []byte("hello too"))
	w.send(0, a, c, nil)
	w.run(second / 100)
	if want := []string{"2 UNIDATA", "0 UNIDATA"}; !slices.Equal(w.log, want) {
		t.Errorf("frames %v, want %v", w.log, want)
	}
}

func TestUnicast_LocateExpires(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a := w.register(0)
	start := w.now
	h := w.boxes[0].Unicast(w.now, &Send{Src: a, Dst: Address{1}, Proto: ProtoRaw, Token: 77, Patience: second})
	if w.boxes[0].State(h) != Locating {
		t.Errorf("state %v", w.boxes[0].State(h))
	}
	w.until("given up", func() bool { return len(w.notdelivered) > 0 })
	n := w.notdelivered[0]
	if n.Token != 77 || n.Reason != LocateExpired || n.Handle != h || w.now-start != second {
		t.Errorf("%+v after %d ms", n, (w.now-start)/millisecond)
	}
	if w.boxes[0].State(h) != Gone || w.boxes[0].held != 0 {
		t.Error("the message is still kept")
	}
}

func TestUnicast_Refused(t *testing.T) {
	w := newTestnet(t, 1, func(c *Config) { c.MaxHeld = 1 })
	b := w.boxes[0]
	a := w.register(0)
	for _, test := range []struct {
		send Send
		want Reason
	}{
		{Send{Src: Address{9}, Dst: a}, BadSource},
		{Send{Src: a, Dst: a, Header: make([]byte, MaxHeader+1)}, TooBig},
		{Send{Src: a, Dst: a, Payload: make([]byte, 1<<20+1)}, TooBig},
		{Send{Src: a, Dst: Address{1}}, 0},
		{Send{Src: a, Dst: Address{1}}, NoRoom},
	} {
		b.Out.Reset()
		b.Unicast(w.now, &test.send)
		var got Reason
		if len(b.Out.NotDelivered) > 0 {
			got = b.Out.NotDelivered[0].Reason
		}
		if got != test.want {
			t.Errorf("got %v, want %v", got, test.want)
		}
	}
}

func TestUnicast_LocalIsNotCopied(t *testing.T) {
	w := newTestnet(t, 1, nil)
	b := w.boxes[0]
	a, c := w.register(0), w.register(0)
	data := pattern(100_000)
	b.Unicast(w.now, &Send{Src: a, Dst: c, Header: []byte("head"), Payload: data})
	if len(b.Out.Frames) != 0 || len(b.Out.Delivers) != 1 {
		t.Fatalf("%d frames, %d deliveries", len(b.Out.Frames), len(b.Out.Delivers))
	}
	d := &b.Out.Delivers[0]
	if string(d.Head()) != "head" || &d.Body[0] != &data[0] || d.Src != a || d.Dst != c {
		t.Errorf("head %q", d.Head())
	}
}

func TestHeaderLen_SplitsEveryDelivery(t *testing.T) {
	for _, size := range []int{4, 10, 1000, 100_000} {
		w := newTestnet(t, 2, nil)
		a, c := w.register(0), w.register(1)
		w.boxes[1].SetHeaderLen(ProtoRaw, 10)
		whole := pattern(size)
		w.boxes[0].Unicast(w.now, &Send{Src: a, Dst: c, Proto: ProtoRaw,
			Header: whole[:min(size, 90)], Payload: whole[min(size, 90):]})
		w.until("delivered", func() bool { return len(w.delivers) > 0 })
		w.expect(1, whole)
	}
}

func TestRoute_StaleAfterMove(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, []byte("one"))
	w.run(second / 100)
	w.move(c, 1, 2, true)
	w.log = nil
	w.send(0, a, c, []byte("two"))
	w.run(second / 100)
	w.expect(2, []byte("two"))
	want := []string{"0 UNIDATA", "1 NOTHERE", "0 LOCATE", "2 HEREIS", "0 UNIDATA"}
	if !slices.Equal(w.log, want) {
		t.Errorf("frames %v, want %v", w.log, want)
	}
}

// move moves an address at once; silently means that the announcement is lost.
func (w *testnet) move(a Address, from, to int, silently bool) {
	w.boxes[from].Freeze(w.now, a)
	id, ok := w.boxes[from].Export(a)
	if !ok {
		w.t.Fatal("not exported")
	}
	id.Epoch++
	keep := w.filter
	if silently {
		w.perform()
		w.filter = func(int, *Header) bool { return true }
	}
	if !w.boxes[to].Import(w.now, id) {
		w.t.Fatal("not imported")
	}
	w.perform()
	w.filter = keep
	w.boxes[from].Unregister(w.now, a)
}

func TestRoute_AnnouncementReplacesIt(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, []byte("one"))
	w.run(second / 100)
	w.move(c, 1, 2, false)
	w.run(second / 100)
	w.log = nil
	w.send(0, a, c, []byte("two"))
	w.run(second / 100)
	if want := []string{"0 UNIDATA"}; !slices.Equal(w.log, want) {
		t.Errorf("frames %v, want %v", w.log, want)
	}
	w.expect(2, []byte("two"))
}

func TestRoute_OlderEpochNeverWins(t *testing.T) {
	w := newTestnet(t, 1, nil)
	b := w.boxes[0]
	src := Address{42}
	say := func(from int, epoch uint32) {
		h := Header{Type: Locate, Dst: src, Src: src, Epoch: epoch, ActHop: 3}
		b.Input(w.now, 0, h.frame(Broadcast, testMAC(from), nil))
	}
	for _, step := range []struct {
		from  int
		epoch uint32
		want  int
		n     int
	}{
		{1, 1, 1, 1},
		{2, 2, 2, 1}, // moved: the old place is gone
		{1, 1, 2, 1}, // a late frame
		{3, 2, 3, 2}, // a second way to the same place
		{4, 3, 4, 1},
	} {
		say(step.from, step.epoch)
		d := b.dests.Get((*[16]byte)(&src))
		if d.locs[0].mac != testMAC(step.want) || d.nlocs != step.n {
			t.Errorf("after epoch %d from %d: %v (%d locations)", step.epoch, step.from, d.locs[0].mac, d.nlocs)
		}
	}
	if b.Stats.StaleEpoch != 1 {
		t.Errorf("%d stale frames counted", b.Stats.StaleEpoch)
	}
}

func TestRoute_LowestHopWins(t *testing.T) {
	var d dest
	for i, hops := range []uint8{9, 3, 6, 12, 3, 6} {
		d.insert(location{hop: hop{mac: testMAC(i)}, hops: hops})
	}
	var got []uint8
	for _, l := range d.locs[:d.nlocs] {
		got = append(got, l.hops)
	}
	if !slices.Equal(got, []uint8{3, 3, 6, 6}) || d.locs[0].mac != testMAC(4) {
		t.Errorf("hops %v, first %v", got, d.locs[0].mac)
	}
}

func TestRoute_TableIsBounded(t *testing.T) {
	w := newTestnet(t, 1, func(c *Config) { c.MaxRoutes = 100 })
	b := w.boxes[0]
	for i := range 10_000 {
		h := Header{Type: HereIs, Src: Address{1, byte(i), byte(i >> 8)}}
		b.Input(w.now, 0, h.frame(testMAC(0), testMAC(1), nil))
	}
	if b.dests.Len() != 100 || b.remote != 100 {
		t.Errorf("%d routes (%d)", b.dests.Len(), b.remote)
	}
	w.now += 2 * routeIdle
	b.Tick(w.now)
	if b.dests.Len() != 0 || b.newest != nil || b.oldest != nil {
		t.Errorf("%d routes left after ageing", b.dests.Len())
	}
}

func TestBusy_KeepsTheMessageUntilThaw(t *testing.T) {
	for _, size := range []int{10, 50_000} {
		w := newTestnet(t, 2, nil)
		a, c := w.register(0), w.register(1)
		w.boxes[1].Freeze(w.now, c)
		data := pattern(size)
		h := w.boxes[0].Unicast(w.now, &Send{Src: a, Dst: c, Proto: ProtoRaw, Payload: data, Patience: second})
		w.run(60 * second) // far longer than the patience, which stands still
		if s := w.boxes[0].State(h); s != HeldBusy {
			t.Fatalf("%d bytes: state %v, not delivered %v", size, s, w.notdelivered)
		}
		if n := w.boxes[0].Stats.BusyIn; n < 600 || n > 2400 {
			t.Errorf("%d bytes: %d BUSYs in a minute", size, n)
		}
		start := w.now
		w.boxes[1].Thaw(w.now, c)
		w.until("delivered", func() bool { return len(w.delivers) > 0 })
		w.run(second / 100)
		w.expect(1, data)
		if took := w.delivers[0]; w.now-start > 50*millisecond {
			t.Errorf("%d bytes took until %d after the thaw: %v", size, w.now-start, took.box)
		}
	}
}

func TestBusy_EndsThoughAnnouncementIsLost(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, []byte("one"))
	w.run(second / 100)
	w.boxes[1].Freeze(w.now, c)
	w.send(0, a, c, []byte("two"))
	w.run(second / 2)
	w.move(c, 1, 2, true)
	start := w.now
	w.until("delivered", func() bool { return len(w.delivers) == 2 })
	if took := w.now - start; took > 500*millisecond {
		t.Errorf("found after %d ms", took/millisecond)
	}
	w.expect(2, []byte("two"))
}

func TestBusy_ThatStopsIsLostPatience(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	w.boxes[1].Freeze(w.now, c)
	w.boxes[0].Unicast(w.now, &Send{Src: a, Dst: c, Proto: ProtoRaw, Patience: second})
	w.run(5 * second)
	w.filter = func(from int, h *Header) bool { return from == 1 } // the node dies
	start := w.now
	w.until("given up", func() bool { return len(w.notdelivered) > 0 })
	if took := w.now - start; took < second || took > 2*second {
		t.Errorf("given up after %d ms", took/millisecond)
	}
}

func TestBusy_LocalSenderFollowsTheMove(t *testing.T) {
	for _, order := range []string{"announced before removed", "removed before announced", "thawed"} {
		w := newTestnet(t, 2, nil)
		a, c := w.register(0), w.register(0)
		w.boxes[0].Freeze(w.now, c)
		h := w.send(0, a, c, []byte("here"))
		if w.boxes[0].State(h) != HeldBusy {
			t.Fatalf("state %v", w.boxes[0].State(h))
		}
		id, _ := w.boxes[0].Export(c)
		id.Epoch++
		want := 1
		switch order {
		case "announced before removed":
			w.boxes[1].Import(w.now, id)
			w.run(second / 100)
			w.expect(1, []byte("here")) // even before it is removed here
			w.boxes[0].Unregister(w.now, c)
		case "removed before announced":
			w.boxes[0].Unregister(w.now, c)
			w.run(second / 100)
			w.boxes[1].Import(w.now, id)
		case "thawed":
			w.boxes[0].Thaw(w.now, c)
			want = 0
		}
		w.run(second)
		w.expect(want, []byte("here"))
	}
}

func TestFreeze_DropsWhatTheAddressSends(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, other := w.register(0), w.register(0)
	w.send(0, a, Address{1}, []byte("looking"))
	w.send(0, a, Address{1}, pattern(5000))
	w.send(0, other, Address{1}, []byte("looking too"))
	w.boxes[0].Freeze(w.now, a)
	if n := w.boxes[0].held; n != 1 {
		t.Errorf("%d messages kept", n)
	}
	w.run(10 * second)
	if len(w.notdelivered) != 1 || w.notdelivered[0].Src != other {
		t.Errorf("notices %v", w.notdelivered)
	}
}

func TestNotHere_NotForACopyOfWhatArrived(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, []byte("one"))
	w.run(second / 100)
	w.filter = func(from int, h *Header) bool {
		if h.Type == UniData { // one frame now, its copy after the address went away
			w.filter = nil
			w.wire = append(w.wire, testframe{at: w.now, from: 0, bytes: w.rawOf(0)},
				testframe{at: w.now + second/200, from: 0, bytes: w.rawOf(0)})
			return true
		}
		return false
	}
	w.send(0, a, c, []byte("two"))
	w.run(second / 1000)
	w.boxes[1].Unregister(w.now, c)
	w.run(second / 10)
	w.expect(1, []byte("one"), []byte("two"))
	if n := w.boxes[1].Stats.NotHereOut; n != 0 {
		t.Errorf("%d NOTHEREs", n)
	}
}

// rawOf returns a copy of the last frame in a box's effects.
func (w *testnet) rawOf(box int) []byte {
	f := &w.boxes[box].Out.Frames[len(w.boxes[box].Out.Frames)-1]
	return append(append([]byte(nil), f.Head()...), f.Body...)
}

func TestLocate_RateIsLimited(t *testing.T) {
	w := newTestnet(t, 1, nil)
	a := w.register(0)
	for i := range 500 {
		w.send(0, a, Address{1, byte(i), byte(i >> 8)}, nil)
	}
	w.run(second * 9 / 10)
	if n := strings.Count(strings.Join(w.log, " "), "LOCATE"); n > locateRate {
		t.Errorf("%d LOCATEs in a second", n)
	}
}

// What nobody has, asked for again and again, does not hide what somebody has.
func TestLocate_FirstQuestionsBeforeRepeatedOnes(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	for i := range 20 {
		w.send(0, a, Address{1, byte(i)}, nil)
	}
	w.run(second * 9 / 10)
	if w.boxes[0].Stats.LocatesHeldBack == 0 {
		t.Fatal("the limit was not reached")
	}
	w.send(0, a, c, []byte("at once"))
	w.run(second / 100)
	w.expect(1, []byte("at once"))
}

func TestMulticast_ReachesMembersOnce(t *testing.T) {
	w := newTestnet(t, 4, nil)
	w.copies = 2
	a := w.register(0)
	group := Address{7, 7}
	for _, box := range []int{0, 1, 3} {
		if !w.boxes[box].Join(w.now, group) {
			t.Fatal("not joined")
		}
	}
	w.boxes[3].Join(w.now, group)
	w.boxes[3].Leave(w.now, group)
	for _, size := range []int{0, 100, 5000} {
		w.delivers = nil
		data := pattern(size)
		w.boxes[0].Multicast(&Send{Src: a, Dst: group, Proto: ProtoGroup, Payload: data})
		w.run(second / 100)
		w.expect(0, data)
		w.expect(1, data)
		w.expect(2)
		w.expect(3, data)
	}
	w.delivers = nil
	w.boxes[3].Leave(w.now, group)
	w.boxes[0].Multicast(&Send{Src: a, Proto: ProtoRPC, Payload: []byte("everybody")})
	w.run(second / 100)
	w.expect(0)
	w.expect(2, []byte("everybody"))
	w.expect(3, []byte("everybody"))
}

func TestImport_KeepsMessageNumbers(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(1)
	for range 3 { // the receiver remembers these messages
		w.send(0, a, c, []byte("x"))
	}
	w.run(second / 10)
	w.move(a, 0, 2, false)
	for range 3 {
		w.send(2, a, c, []byte("x"))
	}
	w.run(second / 10)
	if n := len(w.delivers); n != 6 {
		t.Errorf("%d of 6 messages delivered", n)
	}
	if w.boxes[1].Stats.Duplicates != 0 {
		t.Error("new messages were taken for duplicates")
	}
}

func TestImport_WantsBothHalvesToFit(t *testing.T) {
	w := newTestnet(t, 1, nil)
	if w.boxes[0].Import(w.now, Identity{Private: Address{1}, Public: Address{2}}) {
		t.Error("imported a public address with another's private half")
	}
	if !w.boxes[0].Import(w.now, Identity{Public: Address{2}, Epoch: 3}) {
		t.Error("did not import a public address")
	}
	if w.boxes[0].RegisterPublic(w.now, Address{2}, 4) {
		t.Error("registered an address twice")
	}
}
