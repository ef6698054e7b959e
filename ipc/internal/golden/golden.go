package golden

import (
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"
)

// Read returns the bytes of an annotated hex file: spaces are ignored, and so is a
// line from # on.
func Read(t testing.TB, dir fs.FS, name string) []byte {
	t.Helper()
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(name, err)
	}
	return b
}
