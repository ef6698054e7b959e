package std

import (
	"bytes"
	"reflect"
	"testing"
)

func TestParams_GoldenBytes(t *testing.T) {
	list := []Param{{"slice", "integer", "how long", "2"}, {"on", "boolean", "", "true"}}
	const want = "slice\x00integer\x00how long\x002\x00on\x00boolean\x00\x00true\x00"
	b := AppendParams(nil, list)
	if string(b) != want {
		t.Errorf("encoded %q", b)
	}
	if back, err := DecodeParams(b, 2); err != nil || !reflect.DeepEqual(back, list) {
		t.Errorf("decoded %+v, %v", back, err)
	}
	for _, n := range []uint32{0, 1, 3, 1 << 31} {
		if _, err := DecodeParams(b, n); err == nil {
			t.Errorf("decoded as %d", n)
		}
	}
	if b := AppendSettings(nil, []Setting{{"a\x00b", "c"}}); string(b) != "ab\x00c\x00" {
		t.Errorf("a zero byte inside: %q", b)
	}
}

func FuzzDecodeParams(f *testing.F) {
	f.Add([]byte("a\x00b\x00c\x00d\x00"), uint32(1))
	f.Add([]byte("a\x00b\x00"), uint32(1))
	f.Fuzz(func(t *testing.T, b []byte, n uint32) {
		if list, err := DecodeParams(b, n); err == nil && !bytes.Equal(AppendParams(nil, list), b) {
			t.Errorf("%q decodes to %q", b, list)
		}
		if list, err := DecodeSettings(b, n); err == nil && !bytes.Equal(AppendSettings(nil, list), b) {
			t.Errorf("%q decodes to %q", b, list)
		}
	})
}
