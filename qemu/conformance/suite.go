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

// read looks at a file. What is to be done with it is in its first comment that is no
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
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case constraint.IsGoBuild(line):
			if x, err := constraint.Parse(line); err == nil && !x.Eval(tag) {
				p.Not = "not for static programs of linux/amd64 (" + strings.TrimPrefix(line, "//go:build ") + ")"
			}
			continue
		case !strings.HasPrefix(line, "//"):
			return p, false, nil
		}
		words := strings.Fields(strings.TrimPrefix(line, "//"))
		if len(words) == 0 || words[0] != "run" {
			return p, false, nil
		}
		words = words[1:]
		for len(words) > 0 && strings.HasPrefix(words[0], "-") {
			p.Flags = append(p.Flags, strings.Trim(words[0], `"'`))
			words = words[1:]
			if len(words) > 0 && p.Flags[len(p.Flags)-1] == "-goexperiment" {
				p.Flags, words = append(p.Flags, words[0]), words[1:]
			}
			// -gcflags='all=-N -l' is two words to us.
			if len(words) > 0 && strings.HasSuffix(words[0], "'") {
				p.Flags[len(p.Flags)-1] += " " + strings.Trim(words[0], "'")
				words = words[1:]
			}
		}
		p.Args = words
		break
	}
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

func tag(t string) bool {
	if v, ok := strings.CutPrefix(t, "go1."); ok {
		var want, have int
		_, err1 := fmt.Sscan(v, &want)
		_, err2 := fmt.Sscanf(runtime.Version(), "go1.%d", &have)
		return err1 == nil && err2 == nil && want <= have
	}
	return slices.Contains([]string{"linux", "amd64", "unix", "gc"}, t)
}
