package conformance

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
)

func digest(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))[:16], nil
}

// Summary counts what came of the programs, and names what is not as it should be.
type Summary struct {
	Skipped   int
	Host      int // pass on the host
	Still     int // of those, unmoved
	Shaken    int // of those, shaken
	Moves     int
	Restores  int
	Differ    []string // pass unmoved, and not shaken
	Fail      []string // fail unmoved
	HostFails []string
	Wrong     []string // with the list
}

// Summary looks through the results of the run.
func (r *Results) Summary() (s Summary) {
	s.Wrong = r.Wrong
	var names []string
	for name := range r.Programs {
		if r.tried[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		p := r.Programs[name]
		if p.Skip != "" {
			s.Skipped++
			continue
		}
		host, still, shaken := p.Ways[Host], p.Ways[Still], p.Ways[Shaken]
		if host != nil && !host.OK {
			s.HostFails = append(s.HostFails, name)
			continue
		}
		s.Host++
		if still == nil || !still.OK {
			s.Fail = append(s.Fail, name)
			continue
		}
		s.Still++
		if shaken == nil || !shaken.OK {
			s.Differ = append(s.Differ, name)
			continue
		}
		s.Shaken++
		s.Moves += shaken.Moves
		s.Restores += shaken.Restores
	}
	return s
}

// leastStill is how many of the programs that pass on the host must pass unmoved.
const leastStill = 0.98

// OK reports whether all is as it should be.
func (s *Summary) OK() bool {
	return len(s.Wrong) == 0 && len(s.HostFails) == 0 && len(s.Differ) == 0 && float64(s.Still) >= leastStill*float64(s.Host)
}

func (s *Summary) String() string {
	var b strings.Builder
	list := func(what string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(&b, "%s:\n  %s\n", what, strings.Join(names, "\n  "))
		}
	}
	list("wrong with the list", s.Wrong)
	list("to be run, and fail on the host", s.HostFails)
	list("fail unmoved", s.Fail)
	list("pass unmoved, and not shaken", s.Differ)
	fmt.Fprintf(&b, "host: %d pass, %d skipped; unmoved: %d pass, %d fail (%.1f %% pass); shaken: %d pass, %d fail, in %d moves and %d restores in place\n",
		s.Host, s.Skipped, s.Still, len(s.Fail), 100*float64(s.Still)/float64(max(s.Host, 1)), s.Shaken, len(s.Differ), s.Moves, s.Restores)
	return b.String()
}
