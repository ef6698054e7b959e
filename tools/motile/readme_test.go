package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadme: the command lines that README.md shows are ones that the tool takes.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		words, ok := strings.CutPrefix(strings.TrimSpace(line), "bin/motile ")
		if !ok {
			continue
		}
		shown++
		var args []string
		for i, part := range strings.Split(words, "'") {
			if i%2 == 1 {
				args = append(args, part)
			} else {
				args = append(args, strings.Fields(part)...)
			}
		}
		if _, _, err := parse(args, terminal{out: os.Stdout, err: os.Stderr}); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	if shown == 0 {
		t.Error("README.md shows no command lines, or the test does not see them")
	}
}
