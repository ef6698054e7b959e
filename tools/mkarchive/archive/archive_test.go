package archive

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

var big = bytes.Repeat([]byte("page "), 2000)

// sample has a bit of everything.
func sample(t *testing.T) *Archive {
	t.Helper()
	a := New()
	for _, err := range []error{
		a.Dir("/tmp"),
		a.File("/etc/motd", 0o644, []byte("hello\n")),
		a.File("/bin/big", 0o755, big),
		a.File("/bin/exact", 0o755, big[:pageSize]),
		a.File("/empty", 0o644, nil),
		a.Link("/bin/small", "big"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func pack(t *testing.T, a *Archive) []byte {
	t.Helper()
	data, err := a.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func records(t *testing.T, data []byte) []cpio.Record {
	t.Helper()
	recs, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

func TestPagesAreAligned(t *testing.T) {
	aligned := 0
	for _, r := range records(t, pack(t, sample(t))) {
		if r.FileSize < pageSize {
			continue
		}
		if aligned++; r.FilePos%pageSize != 0 {
			t.Errorf("%q lies at %#x", r.Name, r.FilePos)
		}
	}
	if aligned != 2 {
		t.Errorf("%d files of a page or more, want 2", aligned)
	}
}

// A name of every length, so that padding meets every remainder.
func TestPadEndsOnPage(t *testing.T) {
	for at := range 2 * pageSize {
		name := strings.Repeat("n", 1+at%maxName)
		padded := pad(name, at)
		header := (at + 3) &^ 3
		if data := header + newcHeader + len(padded) + 1; data%pageSize != 0 {
			t.Fatalf("entry at %d with a name of %d: content at %d", at, len(name), data)
		}
		if len(padded)-len(name) >= pageSize {
			t.Fatalf("entry at %d: a whole page of padding", at)
		}
	}
}

func TestDirectoriesComeFirst(t *testing.T) {
	seen := map[string]bool{".": true}
	for _, r := range records(t, pack(t, sample(t))) {
		name := strings.TrimRight(r.Name, "\x00")
		if !seen[filepath.Dir(name)] {
			t.Errorf("%s comes before its directory", name)
		}
		seen[name] = true
	}
}

func TestManifestListsEveryFile(t *testing.T) {
	a := sample(t)
	pack(t, a)
	var want strings.Builder
	for _, f := range []struct {
		name string
		data []byte
	}{{"bin/big", big}, {"bin/exact", big[:pageSize]}, {"empty", nil}, {"etc/motd", []byte("hello\n")}} {
		fmt.Fprintf(&want, "%x %s\n", sha256.Sum256(f.data), f.name)
	}
	if got := string(a.entries[Manifest].data); got != want.String() {
		t.Errorf("manifest:\n%swant:\n%s", got, want.String())
	}
}

func TestSameFilesSameBytes(t *testing.T) {
	other := New()
	for _, err := range []error{
		other.Link("bin/small", "big"),
		other.File("empty", 0o644, nil),
		other.File("./bin/../bin/exact", 0o755, big[:pageSize]),
		other.Dir("tmp/"),
		other.Dir("/bin"),
		other.File("bin/big", 0o755, big),
		other.File("//etc/motd", 0o644, []byte("hello\n")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(pack(t, sample(t)), pack(t, other)) {
		t.Error("the order in which files are added shows")
	}
}

// An overlay gives what adding its files in the first place would have given.
func TestReadThenAdd(t *testing.T) {
	whole := sample(t)
	overlay, err := Read(pack(t, sample(t)))
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("secret")
	for _, a := range []*Archive{whole, overlay} {
		if err := a.File("/etc/motile/key", 0o600, key); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(pack(t, whole), pack(t, overlay)) {
		t.Error("read, then added to: other bytes")
	}
	if err := overlay.File("/etc/motd", 0o644, []byte("bye\n")); err != nil {
		t.Errorf("replacing a file of the base: %v", err)
	}
	if err := overlay.File("/etc/motd", 0o644, []byte("again\n")); err == nil {
		t.Error("replaced a file that is not the base's")
	}
}

func TestReadRefuses(t *testing.T) {
	good := pack(t, sample(t))
	flipped := bytes.Clone(good)
	flipped[bytes.Index(good, big)] ^= 1
	for name, data := range map[string][]byte{
		"nothing":        nil,
		"not a cpio":     []byte(strings.Repeat("x", 200)),
		"a changed file": flipped,
		"no manifest":    bytes.Replace(good, []byte(Manifest), []byte("etc/motile/stsegid"), 1),
		"a bad number":   bytes.Replace(good, []byte("070701"), []byte("07070z"), 1),
		"a shorter name": bytes.Replace(good, []byte("etc/motd"), []byte("etc/\x00otd"), 1),
		"another digest": bytes.Replace(good, []byte(" empty\n"), []byte(" EMPTY\n"), 1),
		"more after it":  append(bytes.Clone(good), 0),
	} {
		if _, err := Read(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for cut := 0; cut < len(good); cut += 61 {
		if _, err := Read(good[:cut]); err == nil {
			t.Fatalf("cut at %d of %d: no error", cut, len(good))
		}
	}
}

func TestAddRefuses(t *testing.T) {
	a := sample(t)
	for name, err := range map[string]error{
		"the root":              a.Dir("/"),
		"no name":               a.File("", 0o644, nil),
		"a newline":             a.File("/a\nb", 0o644, nil),
		"a NUL":                 a.Dir("/a\x00b"),
		"a long name":           a.Dir("/" + strings.Repeat("n", maxName+1)),
		"a long path":           a.Dir(strings.Repeat("/n", maxPath)),
		"a file twice":          a.File("/etc/motd", 0o644, nil),
		"a link twice":          a.Link("/bin/small", "big"),
		"a file as directory":   a.Dir("/etc/motd"),
		"a directory as file":   a.File("/etc", 0o644, nil),
		"a file under a file":   a.File("/etc/motd/x", 0o644, nil),
		"a file under a link":   a.File("/bin/small/x", 0o644, nil),
		"a link to nothing":     a.Link("/nothing", ""),
		"the manifest's name":   a.File(Manifest, 0o644, nil),
		"a link to a bad name":  a.Link("/bad", "a\x00b"),
		"a link to a long name": a.Link("/long", strings.Repeat("n", maxPath+1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWriteFileKeepsSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "initrd.cpio")
	for _, step := range []struct {
		add  func(a *Archive) error
		want os.FileMode
	}{
		{func(*Archive) error { return nil }, 0o644},
		{func(a *Archive) error { return a.File("/etc/motile/key", 0o600, []byte("secret")) }, 0o600},
	} {
		a := sample(t)
		if err := step.add(a); err != nil {
			t.Fatal(err)
		}
		if err := a.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != step.want {
			t.Errorf("mode %o, want %o", st.Mode().Perm(), step.want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
