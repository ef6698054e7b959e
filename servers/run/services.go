package run

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Service is a server that a node is to have: a line of /etc/motile/services.
type Service struct {
	Name string
	When []string // all must hold, see Facts
	Args []string
}

// Facts are what decides which servers a node has: numbers by name. A condition is
// "always", "disk" (it is there, and not 0), "node=1", or "node<=3".
type Facts map[string]int

// ParseServices reads a file of lines "NAME CONDITION[,CONDITION...] PROGRAM [ARG...]". A #
// begins a comment.
func ParseServices(r io.Reader) (list []Service, err error) {
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 3 {
			return nil, fmt.Errorf("line %d: %q: want NAME CONDITION PROGRAM [ARG...]", n, strings.TrimSpace(line))
		}
		s := Service{Name: words[0], When: strings.Split(words[1], ","), Args: words[2:]}
		for _, c := range s.When {
			if _, err := (Facts{}).holds(c); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
		list = append(list, s)
	}
	return list, in.Err()
}

// Wants reports whether a node has a server.
func (f Facts) Wants(s *Service) bool {
	for _, c := range s.When {
		if ok, err := f.holds(c); !ok || err != nil {
			return false
		}
	}
	return true
}

func (f Facts) holds(condition string) (bool, error) {
	if condition == "always" {
		return true, nil
	}
	name, value, compares := strings.Cut(condition, "=")
	name, atMost := strings.CutSuffix(name, "<")
	if name == "" {
		return false, fmt.Errorf("condition %q: want always, NAME, NAME=NUMBER or NAME<=NUMBER", condition)
	}
	if !compares {
		return f[name] != 0, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return false, fmt.Errorf("condition %q: %q is not a number", condition, value)
	}
	have, known := f[name]
	return known && (have == n || atMost && have < n), nil
}

// A server that ends is started again, at once if it has run for a while, and otherwise
// after a pause that doubles.
const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
	ranWell    = 10 * time.Second
)

// pause is how long to wait before the next start of a server that ran so long, last being
// the pause before.
func pause(ran, last time.Duration) time.Duration {
	if ran >= ranWell {
		return 0
	}
	return min(max(2*last, firstPause), maxPause)
}
