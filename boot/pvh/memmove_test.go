package pvh

import (
	"bytes"
	"strings"
	"testing"
)

func TestPatchMove(t *testing.T) {
	code := append(append([]byte{0x90, 0x48, 0x81, 0xfb}, shortMove...), 0, 1, 2, 3)
	want := append(append([]byte{0x90, 0x48, 0x81, 0xfb}, anyMove...), 0, 1, 2, 3)
	if err := patchMove(code); err != nil || !bytes.Equal(code, want) {
		t.Errorf("%x, %v; want %x", code, err, want)
	}
	if err := patchMove(code); err == nil || !strings.Contains(err.Error(), "0 comparisons") {
		t.Errorf("another memmove: %v", err)
	}
}

func TestPostLink_NotAKernel(t *testing.T) {
	for _, in := range [][]byte{nil, []byte("\x7fELF"), bytes.Repeat([]byte{0x7f}, 8192)} {
		if _, err := PostLink(in); err == nil {
			t.Errorf("%d bytes that are no kernel are taken for one", len(in))
		}
	}
}
