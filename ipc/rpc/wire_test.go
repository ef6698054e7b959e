package rpc

import (
	"bytes"
	"os"
	"reflect"
	"testing"

	"motile/ipc/flip"
	"motile/ipc/internal/golden"
	"motile/ipc/std"
)

var testdata = os.DirFS("testdata")

var goldenHeader = std.Header{Port: [16]byte{0: 0xa0, 15: 0xaf}, Object: 7, Rights: 0x41,
	Check: [16]byte{0: 0xc0, 15: 0xcf}, Command: std.Info, Offset: 4096, Size: 32, Extra: 1}

func TestWire_GoldenBytes(t *testing.T) {
	for name, want := range map[string]head{
		"locate.hex":   {typ: Locate},
		"hereis.hex":   {typ: HereIs, arg: 2},
		"request.hex":  {typ: Request, flags: flagRetrans, slot: 3, tid: 0x1234, age: 1500},
		"long.hex":     {typ: Request, slot: 3, tid: 0x1234, size: 5 << 20},
		"reply.hex":    {typ: Reply, slot: 3, tid: 0x1234},
		"ack.hex":      {typ: Ack, slot: 3, tid: 0x1234, arg: ackDeclined},
		"nak.hex":      {typ: Nak, arg: nakBusy, slot: 1, tid: 9},
		"enquire.hex":  {typ: Enquire, flags: flagSigTrans, slot: 3, tid: 0x1234, arg: 2, age: 1500},
		"alive.hex":    {typ: Alive, flags: flagSigTrans, slot: 3, tid: 0x1234, arg: 2},
		"received.hex": {typ: Received, slot: 3, tid: 0x1234, age: 100},
		"forward.hex":  {typ: Forward, slot: 3, tid: 0x1234},
		"fail.hex":     {typ: Fail, slot: 3, tid: 0x1234},
		"pull.hex":     {typ: Pull, slot: 3, tid: 0x1234, arg: ofRequest},
		"part.hex":     {typ: Part, slot: 3, tid: 0x1234, arg: ofRequest},
	} {
		raw := golden.Read(t, testdata, name)
		var h head
		if !h.get(raw, 0) || h != want {
			t.Errorf("%s: decoded %+v", name, h)
		}
		again := append([]byte(nil), raw...)
		want.put(again)
		if !bytes.Equal(again, raw) {
			t.Errorf("%s: encoded\n%x, want\n%x", name, again, raw)
		}
	}
	for name, want := range map[string]pull{
		"pull.hex": {0, 512 << 10, 128 << 10},
		"part.hex": {3 * 128 << 10, 128 << 10, 128 << 10},
	} {
		raw := golden.Read(t, testdata, name)
		var p pull
		if p.get(raw); p != want {
			t.Errorf("%s: decoded %+v", name, p)
		}
		if s, ok := Summarize(raw); !ok || s.Offset != want.offset || s.Length != want.length {
			t.Errorf("%s: summary %+v", name, s)
		}
		again := append([]byte(nil), raw...)
		if want.put(again); !bytes.Equal(again, raw) {
			t.Errorf("%s: encoded\n%x, want\n%x", name, again, raw)
		}
	}
	raw := golden.Read(t, testdata, "forward.hex")
	f := forward{goldenHeader.Port, flip.Address{0: 0xe0, 15: 0xef}}
	again := append([]byte(nil), raw...)
	if f.put(again); !bytes.Equal(again, raw) {
		t.Errorf("forward.hex: encoded\n%x, want\n%x", again, raw)
	}
	if s, ok := Summarize(raw); !ok || s.Port != f.port || s.Address != f.addr {
		t.Errorf("forward.hex: summary %+v", s)
	}
	s, ok := Summarize(append(golden.Read(t, testdata, "request.hex"), "data"...))
	if !ok || s.Header != goldenHeader || !s.Retrans || s.Tid != 0x1234 {
		t.Errorf("summary %+v", s)
	}
}

func TestWire_RefusesWrongLengths(t *testing.T) {
	for _, name := range []string{"locate.hex", "hereis.hex", "request.hex", "nak.hex", "forward.hex", "pull.hex", "part.hex"} {
		raw := golden.Read(t, testdata, name)
		var h head
		if h.get(raw[:len(raw)-1], 0) {
			t.Errorf("%s: accepted without its last byte", name)
		}
		if h.get(append(raw[:len(raw):len(raw)], 0), 0) {
			t.Errorf("%s: accepted with a byte too many", name)
		}
	}
	raw := golden.Read(t, testdata, "nak.hex")
	var h head
	if h.get(raw, 1) {
		t.Error("NAK with data accepted")
	}
	if h.get(golden.Read(t, testdata, "long.hex"), 1) {
		t.Error("a long request with data accepted")
	}
	for _, typ := range []byte{0, 14, 255} {
		raw[0] = typ
		if h.get(raw, 0) {
			t.Errorf("type %d accepted", typ)
		}
	}
}

// goldenState is what state.hex says.
func goldenState() *State {
	return &State{
		Identity: flip.Identity{Private: flip.Address{0x11}, Public: flip.Address{0x22}, Epoch: 2, MessID: 1000},
		NextTid:  5,
		Horizon:  -1,
		Clients: []ClientState{{Phase: uint8(sent), Tid: 5, Port: goldenHeader.Port,
			Header: std.Header{Port: goldenHeader.Port, Command: std.Info}, Data: []byte("hi"), Size: 2,
			Room: 32 << 10, Forwards: 1, Deadline: 2 * second,
			Server: flip.Address{0x33}, Left: second, Backoff: refusedFirst, Tries: 1, Age: 10 * millisecond, Signals: 1}},
		Servers: []ServerState{{Slot: 1, Phase: uint8(serving), Get: [16]byte{0x44}},
			{Slot: 2, Phase: uint8(taking), Get: [16]byte{0x44}, Room: 1 << 20, Row: 1}},
		Rows: []RowState{{Client: flip.Address{0x55}, Slot: 4, Phase: uint8(working), Tid: 8, Age: 5 * millisecond},
			{Client: flip.Address{0x55}, Slot: 5, Phase: uint8(receiving), Tid: 9, Age: 5 * millisecond,
				Header: std.Header{Port: goldenHeader.Port}, Pull: PullState{Size: 1 << 20, Part: 128 << 10, Base: 3, Have: 2}},
			{Client: flip.Address{0x55}, Slot: 6, Phase: uint8(replied), Tid: 10, Age: 5 * millisecond,
				Forward: true, Port: [16]byte{0x66}}},
		Bindings: []BindingState{{Port: [16]byte{0x66}, Age: 5 * millisecond}},
	}
}

func TestState_GoldenBytes(t *testing.T) {
	want := golden.Read(t, testdata, "state.hex")
	if got := goldenState().Append(nil); !bytes.Equal(got, want) {
		t.Errorf("encoded\n%x, want\n%x", got, want)
	}
	st, err := DecodeState(want)
	if err != nil || !reflect.DeepEqual(st, goldenState()) {
		t.Errorf("decoded %+v, %v", st, err)
	}
	for n := range want {
		if _, err := DecodeState(want[:n]); err == nil {
			t.Errorf("decoded the first %d bytes", n)
		}
	}
	if _, err := DecodeState(append(want, 0)); err == nil {
		t.Error("decoded with a byte too many")
	}
}

// testMemory is as long as one likes.
type testMemory struct{}

func (testMemory) Load(uint32, Kind, uint32, []byte) bool  { return true }
func (testMemory) Store(uint32, Kind, uint32, []byte) bool { return true }

// FuzzDecodeState checks that what decodes has one encoding, and that Import
// survives it. What Import accepts must survive a move too.
func FuzzDecodeState(f *testing.F) {
	f.Add(golden.Read(f, testdata, "state.hex"))
	st := goldenState()
	st.Bindings[0].Port = st.Servers[0].Get.Put() // so that Import accepts it
	st.Identity.Public = st.Identity.Private.Public()
	f.Add(st.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := DecodeState(b)
		if err != nil {
			return
		}
		if again := st.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x encodes to %x", b, again)
		}
		m := benchMachines(1)[0]
		now := 100 * second
		ep := m.Import(now, testMemory{}, st)
		if ep == nil {
			if n := len(m.list); n != 0 {
				t.Fatalf("refused, and left %d endpoints", n)
			}
			return
		}
		if !m.Activate(now, ep) {
			m.Remove(now, ep)
			return
		}
		checkMachine(t, m)
		for range 20 {
			now = min(m.NextDeadline(), now+second)
			m.Tick(now)
			m.Reset()
		}
		m.Freeze(now, ep)
		if _, ok := m.Export(ep); !ok {
			t.Fatal("not exported")
		}
		m.Remove(now, ep)
		checkMachine(t, m)
	})
}
