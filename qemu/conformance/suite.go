package conformance

import (
	"errors"
	"fmt"
	"go/build/constraint"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Program is a test program of Go's.
type Program struct {
	Name  string // its path in the folder of tests
	File  string
	More  []string // files that are part of it
	Flags []string // for the go command
	Args  []string
	Out   []byte // what it has to print
	Not   string // why it is not for us, or ""
}

// Suite finds the programs in a folder.
func Suite(dir string) ([]Program, error) {
	var all []Program
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if filepath.Ext(path) == ".dir" || e.Name() == "testdata" {
				return filepath.SkipDir // the parts of programs of several packages
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		p, ok, err := read(dir, path)
		if ok {
			all = append(all, p)
		}
		return err
	})
	slices.SortFunc(all, func(a, b Program) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// read looks at a file. What is to be done with it is the first comment that is no
// build constraint.
func read(dir, path string) (p Program, ok bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return p, false, err
	}
	p.File = path
	if p.Name, err = filepath.Rel(dir, path); err != nil {
		return p, false, err
	}
	action := ""
header:
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case constraint.IsGoBuild(line):
			if x, err := constraint.Parse(line); err == nil && !x.Eval(tag) {
				p.Not = "not for static programs of linux/amd64 (" + strings.TrimPrefix(line, "//go:build ") + ")"
			}
		case !strings.HasPrefix(line, "//"):
			break header
		case action == "":
			action = strings.TrimSpace(strings.TrimPrefix(line, "//"))
		}
	}
	words := split(action)
	if len(words) == 0 || words[0] != "run" {
		return p, false, nil
	}
	words = words[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		p.Flags = append(p.Flags, words[0])
		words = words[1:]
		if len(words) > 0 && p.Flags[len(p.Flags)-1] == "-goexperiment" {
			p.Flags, words = append(p.Flags, words[0]), words[1:]
		}
	}
	for len(words) > 0 && strings.HasSuffix(words[0], ".go") { // as go run has it
		p.More = append(p.More, filepath.Join(filepath.Dir(path), words[0]))
		words = words[1:]
	}
	p.Args = words
	for _, f := range p.Flags {
		switch {
		case f == "-race":
			p.Not = "needs the race detector, which needs cgo"
		case f == "-goexperiment":
			p.Not = "needs a Go built with an experiment"
		}
	}
	p.Out, err = os.ReadFile(strings.TrimSuffix(path, ".go") + ".out")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return p, true, err
}

// split takes a line of a comment apart as a shell would: what is quoted is one word.
func split(line string) (words []string) {
	quote, word, some := rune(0), "", false
	for _, c := range line + " " {
		switch {
		case quote == 0 && c == ' ':
			if some {
				words = append(words, word)
			}
			word, some = "", false
		case quote == 0 && (c == '\'' || c == '"'):
			quote, some = c, true
		case c == quote:
			quote = 0
		default:
			word, some = word+string(c), true
		}
	}
	return words
}

func tag(t string) bool {
	if v, ok := strings.CutPrefix(t, "go1."); ok {
		var want, have int
		_, err1 := fmt.Sscan(v, &want)
		_, err2 := fmt.Sscanf(runtime.Version(), "go1.%d", &have)
		return err1 == nil && err2 == nil && want <= have
	}
	return slices.Contains([]string{"linux", "amd64", "unix", "gc"}, t)
}
