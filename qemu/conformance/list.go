package conformance

import (
	"bufio"
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// List says what becomes of each program: it is run, or skipped for a reason.
type List map[string]string // name → why it is skipped; empty: it is run

//go:embed programs.txt
var listText string

// Frozen is the list of the repository.
func Frozen() (List, error) { return ParseList(listText) }

// ParseList reads lines of a name, and “pass” or “skip” and the reason.
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
		case what == "pass" && why == "":
		case what == "skip" && why != "":
		default:
			return nil, fmt.Errorf("line %d: want a name, and “pass”, or “skip” and the reason", n)
		}
		l[name] = why
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
		if why := l[name]; why != "" {
			fmt.Fprintf(&b, "%s skip %s\n", name, why)
		} else {
			fmt.Fprintf(&b, "%s pass\n", name)
		}
	}
	return b.String()
}

// Sample picks so many of the programs that are run, evenly.
func (l List) Sample(n int) []string {
	all := slices.DeleteFunc(l.Names(), func(name string) bool { return l[name] != "" })
	if n <= 0 || n >= len(all) {
		return all
	}
	var some []string
	for i := range n {
		some = append(some, all[i*len(all)/n])
	}
	return some
}
