package group

import (
	"bytes"
	"embed"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/golden"
)

//go:embed testdata/*.hex
var testdata embed.FS

// fill is an address of one byte, repeated.
func fill(v byte) (a flip.Address) {
	for i := range a {
		a[i] = v
	}
	return a
}

var sampleCharter = charter{
	group: fill(0x61), index: 2,
	params: Params{Resilience: 1, MaxGroup: 8, LogBuffers: 5, LogMaxMessage: 14, Large: 10_000},
	roll: roll{applied: 0x1234, sequencer: 0, members: []rollEntry{
		{0, fill(0xa0), fill(0xb0), 9}, {2, fill(0xa2), flip.Address{}, 0},
	}},
}

func TestWire_GoldenBytes(t *testing.T) {
	var b [headLen]byte
	h := head{typ: Bcast, flags: flagAccept, index: 0, origin: 2, kind: kindData,
		view: 3<<32 | 0xabcd, seqno: 0x1235, messid: 7, got: 0x1234, taken: 0x1230}
	h.put(b[:])
	want := golden.Read(t, testdata, "testdata/bcast.hex")
	if !bytes.Equal(b[:], want) {
		t.Errorf("BCAST is\n%x, want\n%x", b, want)
	}
	var again head
	if !again.get(want) || again != h {
		t.Errorf("decoded %+v, want %+v", again, h)
	}
	want = golden.Read(t, testdata, "testdata/charter.hex")
	if got := sampleCharter.append(nil); !bytes.Equal(got, want) {
		t.Errorf("charter is\n%x, want\n%x", got, want)
	}
	for n := range want {
		if new(charter).decode(want[:n]) {
			t.Errorf("the first %d bytes of a charter were taken for one", n)
		}
	}
	if new(charter).decode(append(want, 0)) {
		t.Error("a charter with a byte too many was taken for one")
	}
}

// sampleState is a sequencer with something of everything.
func sampleState() *MemberState {
	private := fill(0x50)
	self := private.Public()
	body := bytes.Repeat([]byte{0x64}, bodyMin+3)
	return &MemberState{
		Identity: flip.Identity{Private: private, Public: self, Epoch: 3, MessID: 77},
		Server:   fill(0xb0), Port: capability.Port(fill(0x70)),
		Params: Params{Resilience: 1, MaxGroup: 8, LogBuffers: 5, LogMaxMessage: 14, Large: 10_000},
		Phase:  uint8(running), Group: fill(0x61), View: 3<<32 | 5, Promised: 3<<32 | 5,
		Table:  []PeerState{{Index: 0, Addr: self, Server: fill(0xb0), LastMess: 4, Got: 6, Taken: 4}, {Index: 2, Addr: fill(0xa2), LastMess: 9, Got: 5, Taken: 4, Held: true, LastHeld: 10}},
		Result: []byte{1, 2, 3},
		Base:   5, Got: 6, Accepted: 5, Taken: 4, Applied: 6, Last: 6, Start: 2,
		History: []EntryState{{Seqno: 5, Kind: kindData, Origin: 2, MessID: 9, Body: body}, {Seqno: 6, Kind: kindData, Origin: 0, MessID: 4, Body: body}},
		MessID:  4, Sends: []SendState{{Slot: 8, Kind: kindData, MessID: 4, Seqno: 6, Body: body}, {Slot: 9, Kind: kindData, Body: body}},
		Receivers: []ReceiverState{{Slot: 7, Room: 100}},
		BB:        []EarlyState{{Origin: 2, MessID: 10, Kind: kindData, Body: body}},
		SRTT:      5e6,
		ResetMin:  2, ResetSlot: 11, JoinRefused: -24,
	}
}

func TestState_GoldenBytes(t *testing.T) {
	want := golden.Read(t, testdata, "testdata/state.hex")
	if got := sampleState().Append(nil); !bytes.Equal(got, want) {
		t.Errorf("encoded\n%x, want\n%x", got, want)
	}
	for n := range want {
		if _, err := DecodeState(want[:n]); err == nil {
			t.Errorf("the first %d bytes were taken", n)
		}
	}
	if _, err := DecodeState(append(want, 0)); err == nil {
		t.Error("taken with a byte too many")
	}
	st, err := DecodeState(want)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(1, 1)
	if w.nodes[0].m.Import(0, w.spawn("p", w.nodes[0]), st) == nil {
		t.Error("refused")
	}
}

// Each of these states is refused, and nothing has changed.
func TestState_Refused(t *testing.T) {
	for what, spoil := range map[string]func(*MemberState){
		"another private address":      func(st *MemberState) { st.Identity.Private[0]++ },
		"no port":                      func(st *MemberState) { st.Port = capability.Port{} },
		"a phase that is none":         func(st *MemberState) { st.Phase = uint8(closed) },
		"a history with a gap":         func(st *MemberState) { st.History = st.History[1:] },
		"more got than there is":       func(st *MemberState) { st.Got, st.Applied, st.Last = 9, 9, 9 },
		"a member twice":               func(st *MemberState) { st.Table[1].Index = 0 },
		"not in its own table":         func(st *MemberState) { st.Table[0].Addr = fill(1) },
		"a sequencer that is none":     func(st *MemberState) { st.Sequencer = 1 },
		"a message too long":           func(st *MemberState) { st.History[0].Body = make([]byte, 1<<15) },
		"a message too short":          func(st *MemberState) { st.History[0].Body = nil },
		"a history beyond its size":    func(st *MemberState) { st.History[1].Seqno = 99 },
		"a send from the future":       func(st *MemberState) { st.Sends[0].MessID = 5 },
		"two sends under way":          func(st *MemberState) { st.Sends[1].MessID = 4 },
		"data of nobody":               func(st *MemberState) { st.BB[0].Origin = 1 },
		"a history larger than it may": func(st *MemberState) { st.Params.LogMaxMessage = 20 },
		"a view never promised":        func(st *MemberState) { st.Promised-- },
	} {
		w := newWorld(1, 1)
		st := sampleState()
		spoil(st)
		if w.nodes[0].m.Import(0, nil, st) != nil || len(w.nodes[0].m.list) != 0 {
			t.Errorf("%s: accepted", what)
		}
	}
}

// FuzzImport: what decodes has one encoding; what is accepted survives being used.
func FuzzImport(f *testing.F) {
	f.Add(sampleState().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := DecodeState(b)
		if err != nil {
			return
		}
		if again := st.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x encodes to %x", b, again)
		}
		w := newWorld(1, 2)
		p := w.spawn("p", w.nodes[0])
		mb := w.nodes[0].m.Import(w.now, p, st)
		if mb == nil {
			return
		}
		p.mb = mb
		w.nodes[0].m.Activate(w.now, mb)
		w.nodes[0].perform()
		w.run(2e9)
	})
}

// FuzzDeliver: whatever a peer says, nobody panics, and what a member sends is what
// SummarizeBody knows.
func FuzzDeliver(f *testing.F) {
	var b [headLen]byte
	for typ := Locate; typ <= Hold; typ++ {
		h := head{typ: typ, index: 1, origin: 1, kind: kindData, seqno: 3, messid: 2}
		h.put(b[:])
		f.Add(b[:], sampleCharter.append(nil), true, uint8(1))
		f.Add(b[:], bytes.Repeat([]byte{1}, bodyMin), false, uint8(0))
	}
	f.Fuzz(func(t *testing.T, header, body []byte, toAll bool, who uint8) {
		w := newWorld(1, 3)
		ps := trioOf(w, plain)
		if len(header) < headLen {
			header = append(header, make([]byte, headLen-len(header))...)
		}
		mb := ps[int(who)%3].mb
		src := ps[(int(who)+1)%3]
		to := mb.addr
		if toAll {
			to = mb.group
		}
		var h head
		if h.get(header) { // of this view, or nearly all would be strays
			h.view = mb.view
			h.index = src.mb.index
			h.put(header)
		}
		s := flip.Send{Src: src.mb.addr, Dst: to, Proto: flip.ProtoGroup, Header: header[:headLen], Payload: body}
		if toAll {
			src.node.box.Multicast(&s)
		} else {
			src.node.box.Unicast(w.now, &s)
		}
		src.node.perform()
		w.run(1e9)
	})
}
