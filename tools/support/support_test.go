package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSupportIsCurrent(t *testing.T) {
	const top = "../.."
	want, err := support(top)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(top, "SUPPORT.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(string(got), line) {
			t.Errorf("SUPPORT.md lacks %q", line)
		}
	}
	t.Error("SUPPORT.md is out of date: make support")
}
