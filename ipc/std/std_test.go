package std

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

var sample = Header{
	Port:    [16]byte{0: 0xa0, 15: 0xaf},
	Object:  0x0102030405060708,
	Rights:  0x11121314,
	Check:   [16]byte{0: 0xc0, 15: 0xcf},
	Command: 1004,
	Offset:  0x2122232425262728,
	Size:    0x31323334,
	Extra:   0x41424344,
}

func TestHeader_GoldenBytes(t *testing.T) {
	for _, test := range []struct {
		name string
		put  func(*Header, *[HeaderLen]byte)
		get  func(*Header, *[HeaderLen]byte)
		want string
	}{
		{"wire", (*Header).PutWire, (*Header).GetWire, `
			a00000000000000000000000000000af  0102030405060708  11121314
			c00000000000000000000000000000cf  000003ec  2122232425262728  31323334  41424344`},
		{"user", (*Header).PutUser, (*Header).GetUser, `
			a00000000000000000000000000000af  0807060504030201  14131211
			c00000000000000000000000000000cf  ec030000  2827262524232221  34333231  44434241`},
	} {
		var b [HeaderLen]byte
		test.put(&sample, &b)
		if got, want := hex.EncodeToString(b[:]), strings.Join(strings.Fields(test.want), ""); got != want {
			t.Errorf("%s: encoded\n%s, want\n%s", test.name, got, want)
		}
		var back Header
		test.get(&back, &b)
		if back != sample {
			t.Errorf("%s: decoded %+v", test.name, back)
		}
	}
}

// A program may hand its Header to the kernel as it lies in memory.
func TestHeader_LaidOutAsDocumented(t *testing.T) {
	typ := reflect.TypeFor[Header]()
	if typ.Size() != HeaderLen {
		t.Errorf("size %d, want %d", typ.Size(), HeaderLen)
	}
	want := map[string]uintptr{"Port": 0, "Object": 16, "Rights": 24, "Check": 28,
		"Command": 44, "Offset": 48, "Size": 56, "Extra": 60}
	for i := range typ.NumField() {
		if f := typ.Field(i); f.Offset != want[f.Name] {
			t.Errorf("%s at %d, want %d", f.Name, f.Offset, want[f.Name])
		}
	}
}

func TestHeader_Capability(t *testing.T) {
	var h Header
	h.SetCapability(sample.Capability())
	if h.Capability() != sample.Capability() {
		t.Errorf("got %v", h.Capability())
	}
	h.SetStatus(Denied)
	if h.Status() != Denied {
		t.Errorf("status %v", h.Status())
	}
}

func TestStatus_Names(t *testing.T) {
	for s, want := range map[Status]string{
		OK: "STD_OK", RPCFailure: "RPC_FAILURE", RPCUnsafe: "RPC_UNSAFE", BCFail: "BC_FAIL",
		BCIllReset: "BC_ILLRESET", FlipFail: "FLIP_FAIL", FlipUnsafe: "FLIP_UNSAFE", -46: "-46", CapBad: "STD_CAPBAD", Overflow: "STD_OVERFLOW",
		NoMedium: "STD_NOMEDIUM", SoapUnavail: "SP_UNAVAIL", SoapClash: "SP_CLASH", -2100: "-2100", -2105: "-2105", 17: "17", -26: "-26", -1014: "-1014", -2147483648: "-2147483648",
	} {
		if s.String() != want {
			t.Errorf("%d is %q, want %q", int32(s), s, want)
		}
	}
}

// Every 64 bytes are a header, and each is encoded one way.
func FuzzHeader(f *testing.F) {
	var b [HeaderLen]byte
	sample.PutWire(&b)
	f.Add(b[:])
	f.Fuzz(func(t *testing.T, in []byte) {
		var b, wire, user [HeaderLen]byte
		copy(b[:], in)
		var h, back Header
		h.GetWire(&b)
		h.PutWire(&wire)
		h.PutUser(&user)
		back.GetUser(&user)
		if wire != b || back != h {
			t.Errorf("% x became % x, and %+v %+v", b, wire, h, back)
		}
	})
}
