package std

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/internal/golden"
)

var (
	capOne = capability.Capability{Port: [16]byte{0: 0xa0, 15: 0xaf}, Object: 0x0102030405060708, Rights: 0x11121314, Check: [16]byte{0: 0xc0, 15: 0xcf}}
	capTwo = capability.Capability{Port: [16]byte{0: 0xb0}, Object: 2, Rights: capability.AllRights, Check: [16]byte{0: 0xd0}}
)

func sampleRow() SoapRow {
	set := capability.Set{Wanted: 2, Members: []capability.Member{{Cap: capOne, Current: true}, {Cap: capTwo}}}
	return SoapRow{Name: "file", Set: set, Masks: []capability.Rights{capability.AllRights, 2}, MtimeMs: 0x0102030405}
}

func TestSoap_GoldenBytes(t *testing.T) {
	row := sampleRow()
	for name, test := range map[string]struct{ got, want []byte }{
		"row":     {SoapEncode(&row), golden.Read(t, os.DirFS("testdata"), "row.hex")},
		"changes": {SoapEncode(&[]SoapChange{{Dir: capTwo, Expect: SoapEquals, Old: capability.Singleton(capOne), Row: SoapRow{Name: "x"}}}), golden.Read(t, os.DirFS("testdata"), "changes.hex")},
		"found":   {SoapEncode(&SoapFound{Status: NotFound, Row: SoapRow{Name: "x"}, Visited: []uint64{0, 7}}), golden.Read(t, os.DirFS("testdata"), "found.hex")},
	} {
		if !bytes.Equal(test.got, test.want) {
			t.Errorf("%s: encoded\n%x, want\n%x", name, test.got, test.want)
		}
	}
	var back SoapRow
	if err := SoapDecode(SoapEncode(&row), &back); err != nil || !reflect.DeepEqual(back, row) {
		t.Errorf("decoded %+v, %v", back, err)
	}
}

func TestSoapName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "...": true, "ä b": true, strings.Repeat("x", SoapMaxName): true,
		"": false, ".": false, "..": false, "a/b": false, "a\x00": false, strings.Repeat("x", SoapMaxName+1): false,
	} {
		if SoapName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// thereAndBack decodes b as a T, and reports whether that is another encoding than the one
// of its value.
func thereAndBack[T any](t *testing.T, b []byte) {
	var v T
	if err := SoapDecode(b, &v); err != nil {
		return
	}
	if again := SoapEncode(&v); !bytes.Equal(again, b) {
		t.Errorf("%T: %x became %x", v, b, again)
	}
}

// Whatever comes, decoding ends, believes no length, and takes one encoding only.
func FuzzSoapDecode(f *testing.F) {
	row := sampleRow()
	f.Add(SoapEncode(&row))
	f.Add(SoapEncode(&SoapListing{Columns: []string{"owner", "group"}, Rows: []SoapRow{row}}))
	f.Add(SoapEncode(&[]SoapFound{{Status: NotFound, Row: row, Visited: []uint64{0, 7}}}))
	f.Add(SoapEncode(&[]SoapEntry{{Dir: capOne, Name: "x"}}))
	f.Add(SoapEncode(&[]SoapChange{{Dir: capTwo, Expect: SoapEquals, Old: row.Set, Row: row}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		thereAndBack[SoapRow](t, b)
		thereAndBack[SoapListing](t, b)
		thereAndBack[SoapFound](t, b)
		thereAndBack[[]SoapFound](t, b)
		thereAndBack[[]SoapEntry](t, b)
		thereAndBack[[]SoapChange](t, b)
		thereAndBack[[]string](t, b)
		thereAndBack[[]uint64](t, b)
	})
}
