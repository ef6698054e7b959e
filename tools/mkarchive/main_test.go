package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"motile/kernel/fs"
	"motile/kernel/object"
)

// tmp makes a folder of files: the names that end in * are executable.
func tmp(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		perm := os.FileMode(0o644)
		if strings.HasSuffix(name, "*") {
			name, perm = strings.TrimSuffix(name, "*"), 0o755
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), perm); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What mkarchive writes, an overlay included, is what the kernel reads.
func TestKernelReadsIt(t *testing.T) {
	dir := tmp(t, map[string]string{
		"etc/motd":      "hello\n",
		"etc/sub/a":     "a",
		"key":           "secret",
		"prog*":         strings.Repeat("x", 10_000),
		"fakebusybox*":  "#!/bin/sh\necho sh\necho ls\necho prog\n",
		"etc/sub/tool*": "t",
	})
	if err := os.Symlink("sub/a", filepath.Join(dir, "etc", "link")); err != nil {
		t.Fatal(err)
	}
	base, out := filepath.Join(dir, "base.cpio"), filepath.Join(dir, "out.cpio")
	if err := run("", base, []string{
		"dir:/tmp", "tree:/etc=" + dir + "/etc", "file:/bin/prog=" + dir + "/prog",
		"applets:/bin=" + dir + "/fakebusybox", "link:/sbin=bin",
	}); err != nil {
		t.Fatal(err)
	}
	if err := run(base, out, []string{"private:/etc/motile/key=" + dir + "/key"}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	tree := fs.New()
	if err := tree.Load(data, 0x1000); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]uint32{
		"/tmp":                object.ModeDir | 0o755,
		"/etc/motd":           object.ModeReg | 0o644,
		"/etc/link":           object.ModeLink | 0o777,
		"/etc/sub/tool":       object.ModeReg | 0o755,
		"/etc/motile/key":     object.ModeReg | 0o600,
		"/etc/motile/digests": object.ModeReg | 0o644,
		"/bin/prog":           object.ModeReg | 0o755,
		"/bin/sh":             object.ModeLink | 0o777,
		"/sbin/ls":            object.ModeLink | 0o777,
	} {
		pl, errno := tree.Lookup(tree.Root, name, false)
		switch {
		case errno != 0 || pl.Node == nil:
			t.Errorf("%s is not there: error %d", name, errno)
		case pl.Node.Mode != mode:
			t.Errorf("%s has mode %o, want %o", name, pl.Node.Mode, mode)
		}
	}
}

func TestBadInput(t *testing.T) {
	dir := tmp(t, map[string]string{"file": "x", "fails*": "#!/bin/sh\nexit 1\n"})
	out := filepath.Join(dir, "out.cpio")
	for _, c := range []struct{ base, spec, want string }{
		{"", "", "want KIND:PATH"},
		{"", "file", "want KIND:PATH"},
		{"", "file:/a", "want file:PATH=SOURCE"},
		{"", "link:/a=", "want link:PATH=SOURCE"},
		{"", "dir:/a=b", "no source"},
		{"", "device:/a=b", "unknown kind"},
		{"", "file:/a=" + dir + "/none", "no such file"},
		{"", "file:/a=" + dir, "is a directory"},
		{"", "tree:/a=" + dir + "/file", "not a directory"},
		{"", "applets:/bin=" + dir + "/fails", "asking for its applets"},
		{"", "applets:/bin=" + dir + "/none", "asking for its applets"},
		{dir + "/none", "dir:/a", "no such file"},
		{dir + "/file", "dir:/a", "not a boot archive"},
	} {
		err := run(c.base, out, []string{c.spec})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("-base %q %q: error %v, want one with %q", c.base, c.spec, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%q wrote an archive", c.spec)
		}
	}
}
