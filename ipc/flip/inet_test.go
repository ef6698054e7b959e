package flip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"motile/ipc/internal/agenda"
	"motile/ipc/internal/deadline"
)

// inet is an internetwork on a virtual clock: networks, and boxes on one or several.
type inet struct {
	t     testing.TB
	now   int64
	nets  []testNetwork
	boxes []*inetBox
	queue agenda.Agenda[*inetFrame]
	rng   *rand.Rand

	weight map[[2]int]uint8 // of a network for a box, if not an Ethernet's
	window int              // of the boxes, 0: as is usual
	filter func(f *inetFrame) (drop bool)
	trace  bool
	log    []string
}

type testNetwork struct {
	mtu       int
	delay     int64
	loss      float64
	dup       float64
	jitter    int64
	down      bool
	rate      int64 // bytes a second that each box can put on it; 0: no limit
	backlog   int   // bytes waiting for that, more are dropped; 0: no limit
	untrusted bool

	frames, broadcasts, hereIs int
	locates                    int
}

type inetBox struct {
	*Box
	nets         []int
	dead         bool
	free         map[int]int64 // by network: when what it has sent has left
	delivers     []testdeliver
	notdelivered []NotDelivered
}

type inetFrame struct {
	from, to int // boxes
	net      int
	bytes    []byte
	h        Header
}

// newInet makes networks of these MTUs, and boxes on them: each a list of networks.
func newInet(t testing.TB, mtus []int, boxes ...[]int) *inet {
	w := &inet{t: t, now: second, rng: rand.New(rand.NewPCG(1, 2))}
	for _, mtu := range mtus {
		w.nets = append(w.nets, testNetwork{mtu: mtu, delay: testLatency})
	}
	for _, nets := range boxes {
		w.add(nets)
	}
	return w
}

func (w *inet) add(nets []int) {
	w.boxes = append(w.boxes, &inetBox{nets: nets})
	w.restart(len(w.boxes) - 1)
}

// restart starts a box, with nothing remembered.
func (w *inet) restart(i int) {
	cfg := Config{Rand: rand.New(rand.NewPCG(uint64(i), uint64(w.now))).Uint64, Window: w.window}
	for _, n := range w.boxes[i].nets {
		cfg.Links = append(cfg.Links, Link{MAC: inetMAC(i, n), MTU: w.nets[n].mtu, Weight: w.weight[[2]int{i, n}], Untrusted: w.nets[n].untrusted})
	}
	x := w.boxes[i]
	x.Box, x.dead, x.free = NewBox(cfg), false, map[int]int64{}
}

func inetMAC(box, net int) MAC { return MAC{2, 0, byte(net), 0, byte(box >> 8), byte(box)} }

func (w *inet) register(box int) Address {
	a, _ := w.boxes[box].Register(w.now, NewAddress(w.boxes[box].cfg.Rand))
	return a
}

// perform carries out a box's effects.
func (w *inet) perform(i int) {
	x := w.boxes[i]
	for k := range x.Out.Frames {
		f := &x.Out.Frames[k]
		w.transmit(i, x.nets[f.Link], append(append([]byte(nil), f.Head()...), f.Body...))
	}
	for k := range x.Out.Delivers {
		d := &x.Out.Delivers[k]
		x.delivers = append(x.delivers, testdeliver{box: i, dst: d.Dst, src: d.Src, data: append(bytes.Clone(d.Head()), d.Body...)})
	}
	x.notdelivered = append(x.notdelivered, x.Out.NotDelivered...)
	x.Out.Reset()
}

func (w *inet) transmit(from, net int, raw []byte) {
	n, x := &w.nets[net], w.boxes[from]
	f := inetFrame{from: from, net: net, bytes: raw}
	if _, ok := Decode(&f.h, raw); !ok || len(raw) > EtherLen+n.mtu || int(f.h.MTU) > n.mtu || f.h.ActHop > f.h.MaxHop {
		w.t.Fatalf("box %d sent %d bytes of nonsense: %+v", from, len(raw), f.h)
	}
	if w.trace {
		w.log = append(w.log, fmt.Sprintf("%d:%c %v", from, 'a'+net, f.h.Type))
	}
	to := MAC(raw[:6])
	n.frames++
	if to == Broadcast {
		n.broadcasts++
	}
	switch f.h.Type {
	case HereIs:
		n.hereIs++
	case Locate:
		n.locates++
	}
	leaves := w.now
	if n.rate > 0 {
		leaves = max(leaves, x.free[net])
		if n.backlog > 0 && (leaves-w.now)*n.rate/second > int64(n.backlog) {
			return
		}
		leaves += int64(len(raw)) * second / n.rate
		x.free[net] = leaves
	}
	if n.down || w.filter != nil && w.filter(&f) {
		return
	}
	for i, y := range w.boxes {
		for _, at := range y.nets {
			if at == net && i != from && (to == Broadcast || to == inetMAC(i, net)) {
				w.carry(&f, i, leaves+n.delay)
			}
		}
	}
}

// carry brings a frame to one box, or two copies, or none.
func (w *inet) carry(f *inetFrame, to int, at int64) {
	n := &w.nets[f.net]
	if n.loss > 0 && w.rng.Float64() < n.loss {
		return
	}
	copies := 1
	if n.dup > 0 && w.rng.Float64() < n.dup {
		copies = 2
	}
	for range copies {
		on := *f
		on.to = to
		arrives := at
		if n.jitter > 0 {
			arrives += w.rng.Int64N(n.jitter)
		}
		w.queue.Add(arrives, &on)
	}
}

// run lets time pass, or stops when done says so.
func (w *inet) run(d int64, done func() bool) {
	for i, x := range w.boxes {
		if !x.dead {
			w.perform(i)
		}
	}
	for end := w.now + d; !done(); {
		next, who := deadline.Never, -1
		for i, x := range w.boxes {
			if at := x.NextDeadline(); !x.dead && at < next {
				next, who = at, i
			}
		}
		if at := w.queue.Next(); at <= min(next, end) {
			f := w.queue.Take()
			w.now = max(w.now, at)
			if x := w.boxes[f.to]; !x.dead {
				for link, n := range x.nets {
					if n == f.net {
						x.Input(w.now, link, f.bytes)
					}
				}
				w.perform(f.to)
			}
			continue
		}
		if next > end {
			w.now = end
			return
		}
		w.now = max(w.now, next)
		w.boxes[who].Tick(w.now)
		w.perform(who)
	}
}

func (w *inet) wait(d int64) { w.run(d, func() bool { return false }) }

// until runs until it holds, for a minute at most.
func (w *inet) until(what string, cond func() bool) {
	w.t.Helper()
	w.run(60*second, cond)
	if !cond() {
		w.t.Fatalf("never happened: %s; frames %v", what, w.log)
	}
}

func (w *inet) send(box int, s Send) Handle {
	s.Proto = ProtoRaw
	h := w.boxes[box].Unicast(w.now, &s)
	w.perform(box)
	return h
}

// arrives sends a message and waits for it.
func (w *inet) arrives(from, to int, src, dst Address, size int) {
	w.t.Helper()
	n := len(w.boxes[to].delivers)
	data := pattern(size)
	w.send(from, Send{Src: src, Dst: dst, Payload: data})
	w.until("delivered", func() bool { return len(w.boxes[to].delivers) > n })
	if got := w.boxes[to].delivers[n]; !bytes.Equal(got.data, data) {
		w.t.Fatalf("%d bytes arrive as %d", size, len(got.data))
	}
}

// move moves an address with a freeze of a moment.
func (w *inet) move(a Address, from, to int) {
	w.boxes[from].Freeze(w.now, a)
	id, ok := w.boxes[from].Export(a)
	id.Epoch++
	if !ok || !w.boxes[to].Import(w.now, id) {
		w.t.Fatal("not moved")
	}
	w.boxes[from].Unregister(w.now, a)
	w.perform(from)
	w.perform(to)
}

func (w *inet) clearCounts() {
	for i := range w.nets {
		n := &w.nets[i]
		n.frames, n.broadcasts, n.hereIs, n.locates = 0, 0, 0, 0
	}
	w.log = nil
}
