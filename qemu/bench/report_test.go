package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReport_Verdicts(t *testing.T) {
	r := report{judges: true}
	r.target(r.add("slow", "ns", sample{3e3, 5e3, 4e3}), 3.5e3, "≤ a bit")
	r.target(r.add("fast", "ns", sample{3e3}), 3e3, "≤ 3 µs")
	r.add("free", "%", sample{1})
	var b strings.Builder
	if err := r.table(&b); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"what", "slow NO", "fast yes", "free"} {
		line := strings.Split(b.String(), "\n")[i]
		for word := range strings.FieldsSeq(want) {
			if !strings.Contains(line, word) {
				t.Errorf("line %q lacks %s", line, word)
			}
		}
	}
	r = report{}
	if r.target(r.add("slow", "ns", sample{9}), 1, "≤"); r.Rows[0].Met != nil {
		t.Error("judged when nothing is to be")
	}
}

func TestReport_IntoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := report{Began: time.Unix(0, 0)}
	r.add("null call", "ns", sample{1500})
	write("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")
	for range 2 { // again gives the same
		if err := r.intoFile(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "before\n<!-- bench -->\n" + r.markdown() + "<!-- /bench -->\nafter\n"
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	write("no marks\n")
	if err := r.intoFile(path); err == nil {
		t.Error("wrote into a file without marks")
	}
}
