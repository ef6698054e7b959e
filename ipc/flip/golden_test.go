package flip

import (
	"bytes"
	"os"
	"testing"

	"motile/ipc/internal/golden"
)

var testdata = os.DirFS("testdata")

var (
	goldenA = Address{0: 0x50, 15: 0x5f}
	goldenD = Address{0: 0xd0, 15: 0xdf}
	goldenG = Address{0: 0x60, 15: 0x6f}
)

var goldenHeaders = map[string]Header{
	"unidata.hex": {Type: UniData, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenD, Src: goldenA,
		MessID: 0x0102030405060708, Length: 5, Total: 5, Epoch: 2},
	"locate.hex": {Type: Locate, ActHop: 3, MaxHop: 3, MTU: 1500,
		Dst: goldenD, Src: goldenA, MessID: 9, Epoch: 1},
	"ack.hex": {Type: Ack, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD,
		MessID: 10, Length: 6, Offset: 2864, Total: 50000},
	"hereis.hex": {Type: HereIs, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD, MessID: 9, Length: 4, Epoch: 2},
	"hereis_group.hex": {Type: HereIs, ActHop: 6, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenG, MessID: 12, Length: 12, Total: 5},
	"multidata.hex": {Type: MultiData, Proto: ProtoGroup, ActHop: 6, MaxHop: 25, MTU: 1500,
		Dst: goldenG, Src: goldenA, MessID: 11, Length: 3, Total: 3, Epoch: 1},
	"nothere.hex": {Type: NotHere, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD, MessID: 10},
	"nothere_toobig.hex": {Type: NotHere, Flags: FlagUnreachable | FlagTooBig, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD, MessID: 10},
	"nothere_edge.hex": {Type: NotHere, Flags: FlagEdge, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD, MessID: 9},
	"untrusted.hex": {Type: Untrusted, Flags: FlagUnreachable, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD, MessID: 10},
	"busy.hex": {Type: Busy, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenA, Src: goldenD, MessID: 10, Epoch: 2},
	"unidata_last.hex": {Type: UniData, Flags: FlagAckMe | FlagUnsafe, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500,
		Dst: goldenD, Src: goldenA, MessID: 10, Length: 8, Offset: 1432, Total: 1440, Epoch: 1},
}

func TestWire_GoldenBytes(t *testing.T) {
	for name, want := range goldenHeaders {
		raw := golden.Read(t, testdata, name)
		var h Header
		payload, ok := Decode(&h, raw)
		if !ok || h != want || len(payload) != int(want.Length) {
			t.Errorf("%s: decoded %+v (%v)", name, h, ok)
		}
		if again := want.frame(MAC(raw[0:6]), MAC(raw[6:12]), raw[frameHeadLen:]); !bytes.Equal(again, raw) {
			t.Errorf("%s: encoded\n%x, want\n%x", name, again, raw)
		}
	}
}

// TestWire_AckSaysWhatArrived compares the bytes that a box sends with golden ones.
func TestWire_AckSaysWhatArrived(t *testing.T) {
	b := NewBox(Config{Rand: func() uint64 { return 1 }, Links: []Link{{MAC: MAC{2, 0, 0, 0, 0, 2}, MTU: 1500}}})
	want := golden.Read(t, testdata, "ack.hex")
	var h Header
	Decode(&h, want)
	b.RegisterPublic(0, h.Src, 0)
	for _, i := range []int{0, 1, 4, 5, 13} { // 2 and 3 are missing, then 6 to 12
		var flags uint8
		if i == 13 {
			flags = FlagAckMe
		}
		data := Header{Type: UniData, Flags: flags, Proto: ProtoRPC, Dst: h.Src, Src: h.Dst, MessID: 10,
			Length: 1432, Offset: uint32(1432 * i), Total: 50000}
		b.Input(0, 0, data.frame(MAC{2, 0, 0, 0, 0, 2}, MAC{2, 0, 0, 0, 0, 1}, make([]byte, 1432)))
	}
	if len(b.Out.Frames) != 1 {
		t.Fatalf("%d frames", len(b.Out.Frames))
	}
	if got := b.Out.Frames[0].Head(); !bytes.Equal(got, want) {
		t.Errorf("sent\n%x, want\n%x", got, want)
	}
}

// TestWire_BoxesAnswerInGoldenBytes provokes each answer and compares its bytes.
func TestWire_BoxesAnswerInGoldenBytes(t *testing.T) {
	locate := golden.Read(t, testdata, "locate.hex")
	data := func(to byte, flags uint8, length int) []byte {
		h := Header{Type: UniData, Flags: flags, Proto: ProtoRPC, ActHop: 3, MaxHop: 25, MTU: 1500, Dst: goldenD, Src: goldenA,
			MessID: 10, Length: uint32(length), Total: uint32(length), Epoch: 1}
		return h.frame(MAC{2, 0, 0, 0, 0, to}, MAC{2, 0, 0, 0, 0, 1}, make([]byte, length))
	}
	const later = 10 * second // a router that was just started is silent
	for _, test := range []struct {
		want  string
		mac   byte
		mtus  []int
		set   func(b *Box)
		frame []byte
	}{
		{"hereis.hex", 2, []int{1500}, func(b *Box) { b.RegisterPublic(0, goldenD, 2) }, locate},
		{"busy.hex", 2, []int{1500}, func(b *Box) { b.RegisterPublic(0, goldenD, 2); b.Freeze(0, goldenD) }, data(2, 0, 5)},
		{"nothere.hex", 2, []int{1500}, func(*Box) {}, data(2, 0, 5)},
		{"nothere_edge.hex", 3, []int{1500, 1500}, func(*Box) {}, locate},
		{"nothere_toobig.hex", 3, []int{9000, 1500}, func(b *Box) { goldenRoute(b, 0) }, data(3, 0, 3000)},
		{"untrusted.hex", 3, []int{1500, 1500}, func(b *Box) { goldenRoute(b, FlagUnsafe) }, data(3, FlagSecurity, 5)},
	} {
		var links []Link
		for _, mtu := range test.mtus {
			links = append(links, Link{MAC: MAC{2, 0, 0, 0, 0, test.mac}, MTU: mtu})
		}
		b := NewBox(Config{Rand: func() uint64 { return 1 }, Links: links})
		hello := Header{Type: HereIs, Src: Address{1}}
		b.Input(1, 0, hello.frame(Broadcast, MAC{9}, nil))
		test.set(b)
		b.Out.Reset()
		b.Input(later, 0, test.frame)
		want := golden.Read(t, testdata, test.want)
		if len(b.Out.Frames) != 1 || !bytes.Equal(b.Out.Frames[0].Head(), want) {
			t.Errorf("%s: %d frames", test.want, len(b.Out.Frames))
			for i := range b.Out.Frames {
				t.Logf("sent\n%x, want\n%x", b.Out.Frames[i].Head(), want)
			}
		}
	}
}

// goldenRoute teaches a router a way to goldenD over its second link.
func goldenRoute(b *Box, flags uint8) {
	h := Header{Type: HereIs, Flags: flags, Dst: Address{2}, Src: goldenD, ActHop: 3, MTU: 1500, MaxHop: 25, Epoch: 2}
	b.Input(1, 1, h.frame(MAC{2, 0, 0, 0, 0, 3}, MAC{2, 0, 0, 0, 0, 9}, nil))
}
