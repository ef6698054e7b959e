package options

import (
	"fmt"
	"strings"
)

// Set is the options a command takes.
type Set struct {
	bools   map[string]*bool
	strings map[string]*string
	first   bool
}

// Bool adds an option without a value, by its names without dashes.
func (s *Set) Bool(p *bool, names ...string) {
	if s.bools == nil {
		s.bools = make(map[string]*bool)
	}
	for _, n := range names {
		s.bools[n] = p
	}
}

// String adds an option with a value: --name V, --name=V, -n V, -nV.
func (s *Set) String(p *string, names ...string) {
	if s.strings == nil {
		s.strings = make(map[string]*string)
	}
	for _, n := range names {
		s.strings[n] = p
	}
}

// UntilArgument ends the options at the first argument: what follows is for
// somebody else.
func (s *Set) UntilArgument() { s.first = true }

// Parse sets the options and returns the arguments.
func (s *Set) Parse(words []string) (args []string, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			return append(args, words...), nil
		case strings.HasPrefix(word, "--"):
			words, err = s.long(word[2:], words)
		case len(word) > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9'):
			words, err = s.short(word[1:], words)
		case s.first:
			return append(append(args, word), words...), nil
		default:
			args = append(args, word)
		}
		if err != nil {
			return nil, err
		}
	}
	return args, nil
}

// long reads an option; rest is what follows it.
func (s *Set) long(word string, rest []string) ([]string, error) {
	name, value, given := strings.Cut(word, "=")
	if p := s.bools[name]; p != nil && len(name) > 1 {
		if given {
			return nil, fmt.Errorf("--%s takes no value", name)
		}
		*p = true
		return rest, nil
	}
	p := s.strings[name]
	if p == nil || len(name) < 2 {
		return nil, fmt.Errorf("there is no option --%s", name)
	}
	if !given {
		if len(rest) == 0 {
			return nil, fmt.Errorf("--%s wants a value", name)
		}
		value, rest = rest[0], rest[1:]
	}
	*p = value
	return rest, nil
}

// short reads joined options.
func (s *Set) short(word string, rest []string) ([]string, error) {
	for i := range len(word) {
		name := word[i : i+1]
		if p := s.bools[name]; p != nil {
			*p = true
			continue
		}
		p := s.strings[name]
		switch {
		case p == nil:
			return nil, fmt.Errorf("there is no option -%s", name)
		case i+1 < len(word):
			*p = word[i+1:]
		case len(rest) == 0:
			return nil, fmt.Errorf("-%s wants a value", name)
		default:
			*p, rest = rest[0], rest[1:]
		}
		break
	}
	return rest, nil
}
