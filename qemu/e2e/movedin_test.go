package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// movedInRecord says in the middle of which calls processes were moved in tests that
// have passed: lines of a call's number and the test. SUPPORT.md is made of it.
const movedInRecord = "testdata/moved-in.txt"

// movedIn counts processes that have arrived at nodes, by the calls that they were in.
func (w *world) movedIn() map[uint32]int {
	w.t.Helper()
	calls := make(map[uint32]int)
	for _, info := range w.Nodes() {
		text, err := w.client.Node(info.Number).Stats(w.ctx)
		w.must(err)
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "moved_in" {
				continue
			}
			for _, word := range words[1:] {
				var nr uint32
				var times int
				if _, err := fmt.Sscanf(word, "%d:%d", &nr, &times); err != nil {
					w.t.Fatalf("%q: %v", line, err)
				}
				calls[nr] += times
			}
		}
	}
	return calls
}

// recordMovedIn is called at the end of a test in which each process is moved so many
// times in one call. The calls that the record has for the test must have been among
// those; or they are written into it.
func (w *world) recordMovedIn(times int) {
	w.t.Helper()
	if w.t.Failed() {
		return
	}
	text, err := os.ReadFile(movedInRecord)
	if err != nil && !*rewrite {
		w.t.Fatal(err)
	}
	name, calls := w.t.Name(), w.movedIn()
	var others []string
	recorded := 0
	for line := range strings.Lines(string(text)) {
		var nr uint32
		var test string
		if _, err := fmt.Sscan(line, &nr, &test); err != nil {
			w.t.Fatalf("%s: %q: %v", movedInRecord, line, err)
		}
		if test != name {
			others = append(others, line)
			continue
		}
		recorded++
		if calls[nr] < times && !*rewrite {
			w.t.Errorf("%s says that processes were moved in call %d; %d were", movedInRecord, nr, calls[nr])
		}
	}
	if !*rewrite {
		if recorded == 0 {
			w.t.Errorf("%s says nothing of this test: write it anew with -rewrite", movedInRecord)
		}
		return
	}
	for nr, n := range calls {
		if n >= times {
			others = append(others, fmt.Sprintf("%d %s\n", nr, name))
		}
	}
	slices.SortFunc(others, func(a, b string) int {
		var x, y int
		fmt.Sscan(a, &x)
		fmt.Sscan(b, &y)
		if x != y {
			return x - y
		}
		return strings.Compare(a, b)
	})
	w.must(os.WriteFile(movedInRecord, []byte(strings.Join(others, "")), 0o644))
}
