package dissect

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"motile/ipc/flip"
)

// A message is put together whatever the order and the lengths of its fragments, and
// however often they come.
func TestJoins_AnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		message := make([]byte, 1+rng.IntN(5000))
		for i := range message {
			message[i] = byte(rng.Uint32())
		}
		var fragments []flip.Header
		for _, unit := range []int{256 + 8*rng.IntN(50), 256 + 8*rng.IntN(300)} { // as on two networks
			for at := 0; at < len(message); at += unit {
				fragments = append(fragments, flip.Header{Type: flip.UniData, MessID: 7, Offset: uint32(at),
					Length: uint32(min(unit, len(message)-at)), Total: uint32(len(message))})
			}
		}
		rng.Shuffle(len(fragments), func(i, j int) { fragments[i], fragments[j] = fragments[j], fragments[i] })
		s := newJoins()
		whole := 0
		for i := range fragments {
			h := &fragments[i]
			_, got, again := s.add(h, message[h.Offset:h.Offset+h.Length])
			if got != nil {
				whole++
				if !bytes.Equal(got, message) {
					t.Fatalf("seed %d: another message", seed)
				}
			}
			if whole > 0 && got == nil && !again {
				t.Fatalf("seed %d: news after the message was complete", seed)
			}
		}
		if whole != 1 {
			t.Errorf("seed %d: complete %d times", seed, whole)
		}
	}
}

// What is never completed does not take all memory.
func TestJoins_Bounded(t *testing.T) {
	s := newJoins()
	part := make([]byte, 8)
	for i := range uint64(600) {
		s.add(&flip.Header{Type: flip.UniData, MessID: i, Length: 8, Total: 1 << 20}, part)
	}
	if s.bytes > joinBytes || len(s.open) > joinBytes>>20 {
		t.Errorf("%d bytes in %d messages", s.bytes, len(s.open))
	}
}

func TestStation(t *testing.T) {
	for mac, want := range map[flip.MAC]string{
		flip.Broadcast:                       "all",
		{0x52, 0x54, 0, 0x4d, 0, 3}:          "n3",
		{0x52, 0x54, 0, 0x4e, 1, 0}:          "n256.1",
		{0x56, 0x48, 0xde, 0xad, 0xbe, 0xef}: "host:deadbeef",
		{0x02, 0, 0, 0, 0, 1}:                "020000000001",
		{0x52, 0x54, 0, 0x4d + 16, 0, 1}:     "5254005d0001",
	} {
		if got := Station(mac); got != want {
			t.Errorf("%x is %s, want %s", mac, got, want)
		}
	}
}

// Whatever is in a message, it is decoded or refused.
func FuzzMessage(f *testing.F) {
	f.Add(uint8(flip.ProtoRPC), true, make([]byte, 100))
	f.Add(uint8(flip.ProtoGroup), true, make([]byte, 100))
	f.Add(uint8(flip.ProtoRaw), true, []byte("hello1 and nothing more, tag or load"))
	request := make([]byte, 88)
	request[0] = 3
	f.Add(uint8(flip.ProtoRPC), true, request)
	f.Fuzz(func(t *testing.T, proto uint8, whole bool, b []byte) {
		d := New(nil)
		frame := &Frame{FLIP: true, Header: flip.Header{Type: flip.UniData, Proto: proto, Length: uint32(len(b)), Total: uint32(len(b))}}
		for range 2 { // the second time it is known
			if m, bad := d.message(frame, b, whole); m == nil && bad == "" {
				t.Error("neither decoded nor refused")
			}
		}
	})
}
