package run

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "directories")
	if l, err := Directories(file); err != nil || !l.Has(1) || l.Has(2) || l.String() != "1" {
		t.Errorf("without the file: %v, %v", l, err)
	}
	for text, want := range map[string]string{"1,2,3\n": "1,2,3", "4": "4", "": "error", "1,x": "error", "0": "error"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := Directories(file)
		if got := l.String(); err == nil && got != want || err != nil && want != "error" {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
