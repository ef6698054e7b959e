package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/format"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const top = "../.."

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	SFiles     []string
	CFiles     []string
	CgoFiles   []string
}

// own is a package's path in our module, and whether it is ours.
func own(path string) (string, bool) { return strings.CutPrefix(path, "motile/") }

// list asks go list; an answer that is not whole fails the test.
func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = top
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	var pkgs []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) == 0 {
		t.Fatalf("%v: no packages", cmd)
	}
	return pkgs
}

// ours lists our packages as the host builds them, and as the kernel is built
// where that differs.
func ours(t *testing.T) []goPackage {
	t.Helper()
	pkgs := list(t, "./...")
	host := make(map[string]goPackage)
	for _, p := range pkgs {
		host[p.ImportPath] = p
	}
	for _, p := range list(t, "-tags=metal", "./...") {
		if !reflect.DeepEqual(p, host[p.ImportPath]) {
			pkgs = append(pkgs, p)
		}
	}
	return pkgs
}

// sources calls f for every file of ours with one of the extensions.
func sources(t *testing.T, f func(path string, content []byte), extensions ...string) {
	t.Helper()
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if hidden := rel != "." && strings.HasPrefix(d.Name(), "."); hidden || rel == "build" || rel == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains(extensions, filepath.Ext(path)) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err == nil {
			f(rel, content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFormatted(t *testing.T) {
	sources(t, func(path string, content []byte) {
		switch formatted, err := format.Source(content); {
		case err != nil:
			t.Errorf("%s: %v", path, err)
		case !bytes.Equal(formatted, content):
			t.Errorf("%s is not as gofmt has it", path)
		}
	}, ".go")
}

func TestFilesAreNotTooLong(t *testing.T) {
	sources(t, func(path string, content []byte) {
		if n := bytes.Count(content, []byte("\n")); n > longest {
			t.Errorf("%s has %d lines, more than %d: it holds more than one concept", path, n, longest)
		}
	}, ".go", ".s")
}
