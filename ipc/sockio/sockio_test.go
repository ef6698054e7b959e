package sockio

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"motile/ipc/internal/golden"
)

var testdata = os.DirFS("testdata")

func TestGoldenBytes(t *testing.T) {
	caller := Caller{Node: 2, Boot: 0x0102030405060708}
	raw := golden.Read(t, testdata, "send.hex")
	addr := []byte{2, 0, 0, 80, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 0, 0}
	if got := append(AppendAddress(caller.Append(nil), addr), "hi"...); !bytes.Equal(got, raw) {
		t.Errorf("encoded % x, want % x", got, raw)
	}
	c, rest, ok := DecodeCaller(raw)
	if !ok || c != caller {
		t.Errorf("decoded %+v, %v", c, ok)
	}
	if a, text, ok := CutAddress(rest); !ok || !bytes.Equal(a, addr) || string(text) != "hi" {
		t.Errorf("decoded % x, %q, %v", a, text, ok)
	}
	events := []Event{{Object: 7, Events: 0x2005, Seq: 9}, {Object: 1 << 40, Events: 0x10, Seq: 1 << 31}}
	raw = golden.Read(t, testdata, "events.hex")
	if got := events[1].Append(events[0].Append(nil)); !bytes.Equal(got, raw) {
		t.Errorf("encoded % x, want % x", got, raw)
	}
	if got := DecodeEvents(raw); !slices.Equal(got, events) {
		t.Errorf("decoded %+v", got)
	}
}

func TestState(t *testing.T) {
	for _, s := range []State{{}, {Seq: 1<<32 - 1, Events: 0x2005, Flags: 0x800}} {
		if got, ok := Unpack(s.Pack()); !ok || got != s {
			t.Errorf("%+v became %+v, %v", s, got, ok)
		}
	}
	if _, ok := Unpack(0); ok {
		t.Error("a state out of nothing")
	}
}

func TestRefusesWhatIsCutOff(t *testing.T) {
	for n := range CallerSize {
		if _, _, ok := DecodeCaller(make([]byte, n)); ok {
			t.Errorf("a Caller of %d bytes", n)
		}
	}
	for _, b := range [][]byte{nil, {1}, {MaxAddress}, append([]byte{MaxAddress + 1}, make([]byte, 250)...)} {
		if _, _, ok := CutAddress(b); ok {
			t.Errorf("an address of %d bytes", len(b))
		}
	}
	if got := DecodeEvents(make([]byte, EventSize+3)); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(AppendAddress(Caller{Node: 1}.Append(nil), []byte("address")))
	f.Add(Event{Object: 3}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, rest, ok := DecodeCaller(b); ok {
			if a, data, ok := CutAddress(rest); ok {
				if again := append(AppendAddress(c.Append(nil), a), data...); !bytes.Equal(again, b) {
					t.Errorf("% x became % x", b, again)
				}
			}
		}
		var again []byte
		for _, e := range DecodeEvents(b) {
			again = e.Append(again)
		}
		if !bytes.HasPrefix(b, again) {
			t.Errorf("% x became % x", b, again)
		}
	})
}
