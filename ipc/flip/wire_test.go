package flip

import (
	"bytes"
	"encoding/binary"
	"testing"

	"motile/ipc/internal/golden"
)

// frame makes the frame of h and a payload, as a box that lies in h would send it.
func (h *Header) frame(to, from MAC, payload []byte) []byte {
	raw := append(make([]byte, frameHeadLen), payload...)
	h.put(raw, to, from)
	seal(raw, nil)
	return raw
}

// reseal makes a frame's check fit what has been done to the frame, so that
// something else must find it.
func reseal(frame []byte) {
	if len(frame) >= frameHeadLen {
		length := binary.BigEndian.Uint32(frame[62:])
		seal(frame[:min(uint64(len(frame)), frameHeadLen+uint64(length))], nil)
	}
}

func TestWire_RefusesWhatNoBoxSends(t *testing.T) {
	good := golden.Read(t, testdata, "unidata.hex")
	for name, spoil := range map[string]func(b []byte) []byte{
		"short":              func(b []byte) []byte { return b[:frameHeadLen-1] },
		"truncated":          func(b []byte) []byte { return b[:len(b)-1] },
		"other EtherType":    func(b []byte) []byte { b[12] = 8; return b },
		"Amoeba's version":   func(b []byte) []byte { b[14] = 1; return b },
		"without a check":    func(b []byte) []byte { b[14] = 2; return b },
		"without an MTU":     func(b []byte) []byte { b[14] = 3; return b },
		"type 0":             func(b []byte) []byte { b[15] = 0; return b },
		"type 9":             func(b []byte) []byte { b[15] = 9; return b },
		"beyond the message": func(b []byte) []byte { b[69] = 1; return b },
		"offset overflows":   func(b []byte) []byte { copy(b[66:], "\xff\xff\xff\xff"); return b },
		"no progress":        func(b []byte) []byte { b[65] = 0; return b },
	} {
		bad := spoil(bytes.Clone(good))
		reseal(bad)
		var h Header
		if _, ok := Decode(&h, bad); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	padded := append(bytes.Clone(good), 0, 0, 0)
	var h Header
	if payload, ok := Decode(&h, padded); !ok || string(payload) != "hello" {
		t.Errorf("padded: %q, %v", payload, ok)
	}
}

// TestWire_DamageIsSeen flips each bit that the check is for, in frames whose
// payload is in two pieces when they are sent, and finds that a box learns nothing
// from them.
func TestWire_DamageIsSeen(t *testing.T) {
	for _, size := range [...]struct{ head, body int }{{0, 0}, {88, 0}, {88, 10}, {88, 40}, {MaxHeader, 1000}, {0, 5000}} {
		w := newTestnet(t, 2, nil)
		a, c := w.register(0), w.register(1)
		w.boxes[0].Multicast(&Send{Src: a, Proto: ProtoRaw, Header: pattern(size.head), Payload: pattern(size.body)})
		good := append(bytes.Clone(w.boxes[0].Out.Frames[0].Head()), w.boxes[0].Out.Frames[0].Body...)
		b := w.boxes[1]
		for bit := range 8 * min(len(good), frameHeadLen+checked) {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			b.Input(w.now, 0, bad)
			if b.Stats.Malformed != uint64(bit+1) {
				t.Fatalf("%+v: bit %d of byte %d is flipped, and nobody sees it", size, bit%8, bit/8)
			}
		}
		if b.remote != 0 || len(b.Out.Frames)+len(b.Out.Delivers) != 0 {
			t.Errorf("%+v: %d routes learnt, %d frames, %d deliveries", size, b.remote, len(b.Out.Frames), len(b.Out.Delivers))
		}
		b.Input(w.now, 0, good)
		if b.remote != 1 || b.local(&c) == nil {
			t.Errorf("%+v: the undamaged frame taught %d routes", size, b.remote)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for name := range goldenHeaders {
		f.Add(golden.Read(f, testdata, name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.Clone(raw)
		reseal(raw)
		var h Header
		payload, ok := Decode(&h, raw)
		if !ok {
			return
		}
		again := h.frame(MAC(raw[0:6]), MAC(raw[6:12]), payload)
		if !bytes.Equal(again, raw[:len(again)]) || len(payload) != int(h.Length) {
			t.Errorf("%x decodes to %+v", raw, h)
		}
	})
}
