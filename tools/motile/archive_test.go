package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestArchive_ThereAndBack(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(src, "tree/sub"), 0o755))
	must(os.WriteFile(filepath.Join(src, "tree/sub/run.sh"), []byte("#!/bin/sh\n"), 0o755))
	must(os.WriteFile(filepath.Join(src, "tree/.hidden"), bytes.Repeat([]byte("x"), 100_000), 0o640))
	must(os.Symlink("sub/run.sh", filepath.Join(src, "tree/link")))
	must(os.WriteFile(filepath.Join(src, "one"), nil, 0o600))
	for _, rename := range []string{"", "other"} {
		var b bytes.Buffer
		files := []string{filepath.Join(src, "tree") + "/"}
		top := "tree"
		if rename == "" {
			files = append(files, filepath.Join(src, "one"))
		} else {
			top = rename
		}
		must(pack(&b, files))
		root, err := os.OpenRoot(dst)
		must(err)
		must(unpack(&b, root, rename))
		at := filepath.Join(dst, top)
		if info, err := os.Stat(filepath.Join(at, "sub/run.sh")); err != nil || info.Mode() != 0o755 {
			t.Errorf("run.sh: %v, %v", info, err)
		}
		if text, err := os.ReadFile(filepath.Join(at, ".hidden")); err != nil || len(text) != 100_000 {
			t.Errorf(".hidden: %d bytes, %v", len(text), err)
		}
		if to, err := os.Readlink(filepath.Join(at, "link")); err != nil || to != "sub/run.sh" {
			t.Errorf("link: %q, %v", to, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dst, "one")); err != nil {
		t.Error(err)
	}
}

// What a node sends cannot reach beyond the folder it was to be put into.
func TestArchive_StaysInside(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"parent":   {{Name: "../evil", Typeflag: tar.TypeReg}},
		"absolute": {{Name: "/tmp/evil", Typeflag: tar.TypeReg}},
		"link":     {{Name: "out", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "out/evil", Typeflag: tar.TypeReg}},
		"hardlink": {{Name: "evil", Typeflag: tar.TypeLink, Linkname: "../secret"}},
		"device":   {{Name: "evil", Typeflag: tar.TypeChar}},
	} {
		top := t.TempDir()
		inside := filepath.Join(top, "inside")
		if err := os.Mkdir(inside, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, "secret"), []byte("s"), 0o600); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		root, err := os.OpenRoot(inside)
		if err != nil {
			t.Fatal(err)
		}
		if err := unpack(&b, root, ""); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := os.Lstat(filepath.Join(top, "evil")); err == nil {
			t.Errorf("%s: it got out", name)
		}
	}
}

func TestParseRemote(t *testing.T) {
	for s, want := range map[string]remotePath{
		"/tmp/x": {0, "/tmp/x"}, "2:/tmp/x": {2, "/tmp/x"}, "/a:b/c": {0, "/a:b/c"},
	} {
		if got, err := parseRemote(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{"x:/tmp": "x", "2:x": "absolute", "tmp": "absolute", "9999:/x": "9999"} {
		if _, err := parseRemote(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", s, err)
		}
	}
}
