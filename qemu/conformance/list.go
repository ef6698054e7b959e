package conformance

import (
	"bufio"
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// List says what becomes of each program, by name.
type List map[string]Entry

// Entry is what the list says of a program.
type Entry struct {
	Skip string // why it is not run; empty: it is
	Slow bool   // it is not for the sample
}

//go:embed programs.txt
var listText string

// Frozen is the list of the repository.
func Frozen() (List, error) { return ParseList(listText) }

// ParseList reads lines of a name, and “pass”, “pass slow” or “skip” and the reason.
func ParseList(text string) (List, error) {
	l := make(List)
	s := bufio.NewScanner(strings.NewReader(text))
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		what, why, _ := strings.Cut(strings.TrimSpace(rest), " ")
		why = strings.TrimSpace(why)
		_, twice := l[name]
		switch {
		case twice:
			return nil, fmt.Errorf("line %d: %s is there twice", n, name)
		case what == "pass" && (why == "" || why == "slow"):
			l[name] = Entry{Slow: why != ""}
		case what == "skip" && why != "":
			l[name] = Entry{Skip: why}
		default:
			return nil, fmt.Errorf("line %d: want a name, and “pass”, “pass slow”, or “skip” and the reason", n)
		}
	}
	return l, s.Err()
}

// Names are the programs in order.
func (l List) Names() []string {
	var names []string
	for name := range l {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Text is the list as a file.
func (l List) Text() string {
	var b strings.Builder
	for _, name := range l.Names() {
		switch e := l[name]; {
		case e.Skip != "":
			fmt.Fprintf(&b, "%s skip %s\n", name, e.Skip)
		case e.Slow:
			fmt.Fprintf(&b, "%s pass slow\n", name)
		default:
			fmt.Fprintf(&b, "%s pass\n", name)
		}
	}
	return b.String()
}

// Sample picks so many of the programs that are run and not slow, evenly; 0: all that
// are run.
func (l List) Sample(n int) []string {
	all := slices.DeleteFunc(l.Names(), func(name string) bool { return l[name].Skip != "" || n > 0 && l[name].Slow })
	if n <= 0 || n >= len(all) {
		return all
	}
	var some []string
	for i := range n {
		some = append(some, all[i*len(all)/n])
	}
	return some
}
