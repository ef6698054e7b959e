package flip

import (
	"testing"

	"motile/ipc/internal/golden"
)

func TestDecodeAck(t *testing.T) {
	var h Header
	payload, ok := Decode(&h, golden.Read(t, testdata, "ack.hex"))
	if !ok {
		t.Fatal("ack.hex is no frame")
	}
	a, ok := DecodeAck(&h, payload)
	if !ok || a.All || a.Upto != 2864 || a.Unit != 1432 {
		t.Fatalf("%+v, %v", a, ok)
	}
	for i := range 20 {
		if want := i == 2 || i == 3 || i == 11; a.Has(i) != want {
			t.Errorf("fragment %d from there on: %v", i, a.Has(i))
		}
	}
	h.Offset++
	if _, ok := DecodeAck(&h, payload); ok {
		t.Error("between two fragments")
	}
	h.Offset = h.Total
	if a, ok := DecodeAck(&h, nil); !ok || !a.All {
		t.Errorf("%+v, %v", a, ok)
	}
}

func TestDecodeHereIs(t *testing.T) {
	if h, ok := DecodeHereIs([]byte{0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9}); !ok || h != (Here{Known: 3, Safe: 2, Box: 9}) {
		t.Errorf("%+v, %v", h, ok)
	}
	for _, n := range []int{0, 3, 5, 11, 13} {
		if _, ok := DecodeHereIs(make([]byte, n)); ok {
			t.Errorf("%d bytes accepted", n)
		}
	}
}

func FuzzDecodeControl(f *testing.F) {
	f.Add(uint32(2864), uint32(50000), []byte{0, 0, 5, 0x98, 0x0c, 0x08})
	f.Add(uint32(0), uint32(0), []byte{0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, offset, total uint32, payload []byte) {
		h := Header{Type: Ack, Offset: offset, Total: total}
		if a, ok := DecodeAck(&h, payload); ok {
			for i := range 8*len(a.Bitmap) + 8 {
				a.Has(i)
			}
		}
		DecodeHereIs(payload)
	})
}
