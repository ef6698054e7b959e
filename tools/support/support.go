package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"motile/kernel/linux"
)

const preface = `# Linux calls

Made by ` + "`make support`" + `, out of the table of calls, what ` + "`kernel/linux/support.go`" + ` says of them, and
what tests have written down; a test sees to it that it is current.

- **there**: *yes*; *partly*, with what is missing; *no*: the call answers ENOSYS.
- **moved while it waits**: of calls that may wait for as long as they like: *yes*, where a test
  moves a process ten times in the middle of the call, and compares what it says with what it
  says unmoved (` + "`TestMove_InEveryBlockingCall`" + `). Any call about a descriptor may wait for an object on
  another node; those are not marked.
- **feature tests**: programs in ` + "`qemu/guest`" + ` that prove the call's behaviour while they are moved, once
  and ten times, also on a bad network (` + "`qemu/e2e`" + `, ` + "`testdata/features.txt`" + `).

`

// support is the text of SUPPORT.md, for the module at top.
func support(top string) (string, error) {
	names, err := callNames(top)
	if err != nil {
		return "", err
	}
	moved, err := movedIn(filepath.Join(top, "qemu/e2e/testdata/moved-in.txt"))
	if err != nil {
		return "", err
	}
	features, err := features(top)
	if err != nil {
		return "", err
	}
	var numbers []uint32
	for nr := range names {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)
	var table strings.Builder
	whole, partly := 0, 0
	for _, nr := range numbers {
		name, there := names[nr], "no"
		switch what := linux.Partial[nr]; {
		case linux.Implemented(nr) && what != "":
			there = "partly: " + what
			partly++
		case linux.Implemented(nr):
			there = "yes"
			whole++
		}
		waits := ""
		if slices.Contains(linux.Blocking, nr) {
			if waits = "not tested"; moved[nr] {
				waits = "yes"
			}
		}
		fmt.Fprintf(&table, "| %d | %s | %s | %s | %s |\n", nr, name, there, waits, strings.Join(features[name], ", "))
	}
	return fmt.Sprintf("%sOf %d calls, %d are there, and %d in part.\n\n| number | call | there | moved while it waits | feature tests |\n|---|---|---|---|---|\n%s",
		preface, len(numbers), whole, partly, table.String()), nil
}

// callNames reads the names of Linux's calls out of golang.org/x/sys.
func callNames(top string) (map[uint32]string, error) {
	cmd := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix")
	cmd.Dir = top
	dir, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list golang.org/x/sys/unix: %w", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "zsysnum_linux_amd64.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	names := make(map[uint32]string)
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			name, ok := strings.CutPrefix(v.Names[0].Name, "SYS_")
			lit, is := v.Values[0].(*ast.BasicLit)
			if !ok || !is {
				continue
			}
			nr, err := strconv.ParseUint(lit.Value, 0, 32)
			if err != nil {
				return nil, err
			}
			names[uint32(nr)] = strings.ToLower(name)
		}
	}
	return names, nil
}

// movedIn reads in which calls tests have moved processes.
func movedIn(path string) (map[uint32]bool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	moved := make(map[uint32]bool)
	for line := range strings.Lines(string(text)) {
		var nr uint32
		var test string
		if _, err := fmt.Sscan(line, &nr, &test); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		moved[nr] = true
	}
	return moved, nil
}

var (
	declares = regexp.MustCompile(`(?m)^FEATURE\("([^"]+)"\)|^const Name = "([^"]+)"`)
	proves   = regexp.MustCompile(`(?m)\A// calls:(.*)$`)
)

// movedEvents are those under which a program must have passed to be named.
var movedEvents = []string{"move", "ten-moves", "move-under-loss"}

// features finds, by call, the programs that prove it and have passed.
func features(top string) (map[string][]string, error) {
	passed, err := os.ReadFile(filepath.Join(top, "qemu/e2e/testdata/features.txt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	has := make(map[string]bool)
	for line := range strings.Lines(string(passed)) {
		has[strings.TrimSpace(line)] = true
	}
	by := make(map[string][]string)
	for _, pattern := range []string{"*.c", "*.go"} {
		sources, err := filepath.Glob(filepath.Join(top, "qemu/guest/*", pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range sources {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			d, p := declares.FindSubmatch(text), proves.FindSubmatch(text)
			if d == nil || p == nil {
				continue
			}
			name := string(d[1]) + string(d[2])
			if slices.ContainsFunc(movedEvents, func(event string) bool { return !has[name+" "+event+" pass"] }) {
				continue
			}
			for _, call := range strings.Fields(string(p[1])) {
				by[call] = append(by[call], name)
			}
		}
	}
	for _, names := range by {
		slices.Sort(names)
	}
	return by, nil
}
