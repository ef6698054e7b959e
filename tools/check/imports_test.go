package check

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// within reports whether a path is prefix or below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

func withinAny(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return within(path, p) })
}

// ruleFor finds the longest key that a path is within.
func ruleFor(rules map[string]string, path string) (key string, ok bool) {
	for k := range rules {
		if within(path, k) && (!ok || len(k) > len(key)) {
			key, ok = k, true
		}
	}
	return key, ok
}

func TestImports(t *testing.T) {
	for _, p := range ours(t) {
		name, _ := own(p.ImportPath)
		area, ok := ruleFor(imports, name)
		if !ok {
			t.Errorf("%s is in no rule: give it a line in the table of imports", name)
			continue
		}
		allowed := strings.Fields(imports[area])
		for _, i := range p.Imports {
			if of, ok := own(i); ok && !within(of, area) && !withinAny(of, allowed) {
				t.Errorf("%s imports %s; the rule for %s allows: %s", name, of, area, imports[area])
			}
		}
	}
}

func TestModules(t *testing.T) {
	for _, p := range ours(t) {
		name, _ := own(p.ImportPath)
		for _, i := range p.Imports {
			if _, ok := own(i); ok || !strings.Contains(strings.Split(i, "/")[0], ".") {
				continue
			}
			key, ok := ruleFor(modules, i)
			if !ok {
				t.Errorf("%s imports %s, which is in no rule", name, i)
			} else if !withinAny(name, strings.Fields(modules[key])) {
				t.Errorf("%s imports %s; only these may: %s", name, i, modules[key])
			}
		}
	}
}

func TestPureMachines(t *testing.T) {
	for _, p := range ours(t) {
		name, _ := own(p.ImportPath)
		for _, i := range p.Imports {
			if withinAny(name, pure) && slices.Contains(impure, i) {
				t.Errorf("%s imports %s, so that what it does is not its arguments' alone", name, i)
			}
		}
	}
}

func TestKernelIsLinkedWith(t *testing.T) {
	deps := list(t, "-tags=metal", "-deps", "./kernel/motile")
	for _, d := range deps {
		for _, no := range notInKernel {
			if d.ImportPath == no || strings.Contains(no, ".") && within(d.ImportPath, no) {
				t.Errorf("the kernel is linked with %s", d.ImportPath)
			}
		}
	}
}

func TestUnsafeCode(t *testing.T) {
	for _, p := range ours(t) {
		name, _ := own(p.ImportPath)
		if slices.Contains(unsafeIn, name) {
			continue
		}
		if len(p.SFiles) > 0 {
			t.Errorf("%s has assembly: %v", name, p.SFiles)
		}
		if len(p.CFiles)+len(p.CgoFiles) > 0 {
			t.Errorf("%s has C: %v %v", name, p.CFiles, p.CgoFiles)
		}
	}
	sources(t, func(file string, content []byte) {
		dir, text := filepath.ToSlash(filepath.Dir(file)), string(content)
		imported := strings.Contains(text, "\n\t\"unsafe\"\n") || strings.Contains(text, "\nimport \"unsafe\"\n")
		linkname := strings.Contains(text, "\n//go:linkname ")
		if (imported || linkname) && !slices.Contains(unsafeIn, dir) {
			t.Errorf("%s is unsafe; only these packages may be: %s", file, strings.Join(unsafeIn, " "))
		}
		if imported && !strings.HasSuffix(path.Base(file), "_unsafe.go") {
			t.Errorf("%s imports unsafe: end its name in _unsafe.go", file)
		}
	}, ".go")
}
