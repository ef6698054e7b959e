package options

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line string
		want string // a, v, s and the arguments, or the error
	}{
		{"", "false false  []"},
		{"x -a y", "true false  [x y]"},
		{"-av", "true true  []"},
		{"-avs KILL 7", "true true KILL [7]"},
		{"-sKILL 7", "false false KILL [7]"},
		{"--signal KILL 7", "false false KILL [7]"},
		{"7 --signal=KILL --all", "true false KILL [7]"},
		{"-- -a", "false false  [-a]"},
		{"-", "false false  [-]"},
		{"-a -70 -v", "true true  [-70]"},
		{"-q", "there is no option -q"},
		{"-a7", "there is no option -7"},
		{"--quiet", "there is no option --quiet"},
		{"--a", "there is no option --a"},
		{"--s x", "there is no option --s"},
		{"-s", "-s wants a value"},
		{"--signal", "--signal wants a value"},
		{"--all=no", "--all takes no value"},
	} {
		if got := parse(new(Set), c.line); got != c.want {
			t.Errorf("%q: %s, want %s", c.line, got, c.want)
		}
	}
	s := new(Set)
	s.UntilArgument()
	if got := parse(s, "-a prog -v --other"); got != "true false  [prog -v --other]" {
		t.Error(got)
	}
}

func parse(s *Set, line string) string {
	var a, v bool
	var sig string
	s.Bool(&a, "a", "all")
	s.Bool(&v, "v")
	s.String(&sig, "s", "signal")
	args, err := s.Parse(strings.Fields(line))
	if err != nil {
		return err.Error()
	}
	return strings.Join([]string{word(a), word(v), sig, "[" + strings.Join(slices.Clone(args), " ") + "]"}, " ")
}

func word(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
