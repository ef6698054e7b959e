package flip

import (
	"bytes"
	"encoding/binary"
	"testing"

	"motile/ipc/internal/golden"
)

// FuzzInput feeds a busy box, a router between two networks, with frames made from
// the fuzzer's bytes: often well-formed, about addresses and messages the box knows,
// with fields that lie. Nothing may panic, no account may go wrong, no table may exceed
// its limit, and what the box sends must be well-formed.
func FuzzInput(f *testing.F) {
	f.Add([]byte{0x00, 0x31, 0x05, 0x10, 0x00})
	f.Add([]byte("\x13\x00\x00\x02\x00\x23\x00\x00\x02\x00\x80\x00\x00\x02\xff"))
	for name := range goldenHeaders {
		f.Add(append([]byte{0xff}, golden.Read(f, testdata, name)...))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		box, known := fuzzBox()
		checkSent(t, box)
		box.Out.Reset()
		now := int64(0)
		for len(program) > 5 {
			var frame []byte
			frame, program = fuzzFrame(program, known)
			now += int64(program[0]%4) * 7 * millisecond
			box.Input(now, int(program[0]>>7), frame)
			if program[0]%5 == 0 {
				box.Tick(now)
			}
			switch program[0] & 0x7f {
			case 0x11:
				box.Freeze(now, known[0])
			case 0x12:
				box.Thaw(now, known[0])
			case 0x13:
				box.Unregister(now, known[1])
			case 0x14:
				box.RegisterPublic(now, known[1], 3)
			}
			checkBox(t, box)
			checkSent(t, box)
			box.Out.Reset()
		}
		box.Tick(now + 3600*second)
		checkBox(t, box)
	})
}

// fuzzBox returns a box in the middle of things and the addresses in play: the
// first two are its own, the others are elsewhere.
func fuzzBox() (*Box, []Address) {
	n := uint64(0)
	box := NewBox(Config{Rand: func() uint64 { n++; return n << 20 },
		Links:     []Link{{MAC: testMAC(0), MTU: 1500}, {MAC: testMAC(0), MTU: 9000}},
		MaxRoutes: 8, MaxJoins: 4, JoinBytes: 1 << 20, SourceBytes: 1 << 19, MaxMessage: 1 << 18})
	known := []Address{{1}, {2}, {3}, {4}, {}, {5}}
	box.RegisterPublic(0, known[0], 1)
	box.RegisterPublic(0, known[1], 0)
	box.Join(0, Address{5})
	here := Header{Type: HereIs, Dst: known[0], Src: known[2]}
	box.Input(0, 0, here.frame(testMAC(0), testMAC(1), nil))
	box.Unicast(0, &Send{Src: known[0], Dst: known[2], Payload: make([]byte, 100_000)})
	box.Unicast(0, &Send{Src: known[1], Dst: known[2], Payload: make([]byte, 30_000)})
	box.Unicast(0, &Send{Src: known[0], Dst: known[2], Payload: make([]byte, 100)})
	box.Unicast(0, &Send{Src: known[0], Dst: known[3], Payload: make([]byte, 5000)})
	box.Unicast(0, &Send{Src: known[1], Dst: known[3], Payload: make([]byte, 500), Secure: true})
	box.MulticastTo(0, &Send{Src: known[1], Dst: Address{5}, Payload: make([]byte, 500), Listeners: 3})
	return box, known
}

// fuzzFrame takes a frame from the front of the program: literally, or built
// from a handful of bytes.
func fuzzFrame(p []byte, known []Address) (frame, rest []byte) {
	if p[0] == 0xff {
		n := min(len(p)-1, frameHeadLen+10)
		frame = bytes.Clone(p[1:n])
		reseal(frame)
		return frame, p[n:]
	}
	h := Header{
		Type:   Type(p[0]%8) + 1,
		Flags:  [...]uint8{0, FlagAckMe, FlagTooBig, FlagEdge, FlagUnreachable, FlagUnsafe, FlagSecurity, FlagSecurity}[p[4]/2%8],
		Src:    known[p[1]%6],
		Dst:    known[p[1]/6%6],
		MessID: 0x100000*uint64(1+p[2]%8) + uint64(p[2]/8),
		Epoch:  uint32(p[1] / 25 % 4),
		ActHop: p[4] % 7,
		MaxHop: [...]uint8{3, 25, 26, 255}[p[3]>>1&3],
		MTU:    [...]uint16{1500, 9000, 600, 0}[p[2]>>2&3],
	}
	units := [...]uint32{0, 1, 256, 1432, 8928, 100_000, 1 << 17, 1 << 19}
	h.Length = uint32(p[3]&7) * 200
	h.Offset = units[p[3]>>3&7] * uint32(p[4]&15)
	h.Total = units[p[4]>>4&7] * uint32(1+p[3]>>6)
	if h.Type == Ack {
		h.Length = uint32(p[3] & 63)
	}
	frame = make([]byte, frameHeadLen+int(h.Length))
	to := testMAC(0)
	if p[1] >= 200 {
		to = Broadcast
	}
	h.put(frame, to, testMAC(int(p[4]%3)))
	binary.BigEndian.PutUint32(frame[len(frame)-4:], h.Offset)
	copy(frame[frameHeadLen:], "\x00\x00\x05\x98")
	copy(frame[min(len(frame), frameHeadLen+4):], p)
	seal(frame, nil)
	return frame, p[5:]
}

// checkSent verifies what the box wants sent.
func checkSent(t *testing.T, b *Box) {
	t.Helper()
	for i := range b.Out.Frames {
		f := &b.Out.Frames[i]
		var h Header
		_, ok := Decode(&h, append(bytes.Clone(f.Head()), f.Body...))
		mtu := b.links[f.Link].MTU
		if !ok || f.Len() > EtherLen+mtu || int(h.MTU) > mtu || h.ActHop > min(h.MaxHop, maxHopInval) {
			t.Errorf("sent %d bytes on a link with MTU %d: %+v", f.Len(), mtu, h)
		}
		if h.Flags&FlagSecurity != 0 && h.Flags&FlagUnsafe != 0 {
			t.Errorf("a secure frame is sent as unsafe: %+v", h)
		}
	}
}

// checkBox verifies what must hold at all times.
func checkBox(t *testing.T, b *Box) {
	t.Helper()
	b.checkWindow(t)
	queued, remote, listed := 0, 0, 0
	b.dests.All(func(d *dest) bool {
		queued += d.queue.n
		if d.local == nil {
			remote++
		}
		if (d.phase != resolved) != d.timer.Armed() {
			t.Errorf("phase %d, timer %v", d.phase, d.timer.Armed())
		}
		for m := d.queue.head; m != nil; m = m.next {
			if m.dst != d || m.where != inQueue || m.local == nil {
				t.Errorf("a stranger in the queue: %+v", m)
			}
		}
		if d.queue.n > 0 && d.phase == resolved && d.local == nil {
			t.Error("messages wait for nothing")
		}
		return true
	})
	for d := b.newest; d != nil; d = d.older {
		listed++
	}
	if remote != b.remote || listed != b.dests.Len() || remote > b.cfg.MaxRoutes+4 {
		t.Errorf("%d remote, accounted %d; %d listed of %d", remote, b.remote, listed, b.dests.Len())
	}
	used := 0
	for _, m := range b.slots {
		if m.local != nil {
			used++
		}
	}
	window := 0
	b.peers.All(func(p *peer) bool { window += p.window.n; return true })
	if used != b.held || queued+window+b.sent.n != used || b.free.n+used != len(b.slots) {
		t.Errorf("%d messages: %d queued, %d in windows, %d sent; accounted %d", used, queued, window, b.sent.n, b.held)
	}
	bytes := 0
	for _, j := range b.joins {
		bytes += len(j.buf)
	}
	if bytes != b.joinBytes || bytes > b.cfg.JoinBytes || len(b.joins) > b.cfg.MaxJoins {
		t.Errorf("%d bytes in %d joins, accounted %d", bytes, len(b.joins), b.joinBytes)
	}
}
