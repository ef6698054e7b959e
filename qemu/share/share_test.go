package share

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// node asks a server as a node's kernel does.
type node struct {
	t    *testing.T
	s    *Server
	root capability.Capability
	seq  uint64
}

func newNode(t *testing.T, dir string, readOnly bool) *node {
	t.Helper()
	old := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(old) })
	cfg := Config{Folder: dir, Port: capability.Port{9}, Secret: capability.Secret{1}, ReadOnly: readOnly}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &node{t: t, s: s, root: capability.Owner(cfg.Port, 0, cfg.Secret)}
}

func (n *node) ask(c capability.Capability, h std.Header, data []byte) (std.Header, []byte, syscall.Errno) {
	n.t.Helper()
	h.SetCapability(c)
	command := h.Command
	reply := n.s.Do(&h, data)
	if h.Status() != std.OK {
		n.t.Fatalf("command %d: %v", command, h.Status())
	}
	return h, reply, syscall.Errno(h.Extra)
}

func (n *node) do(command uint32, size uint32, path string, rest ...byte) syscall.Errno {
	n.t.Helper()
	_, _, e := n.ask(n.root, std.Header{Command: command, Size: size}, append((&filesys.Place{Path: path}).Append(nil), rest...))
	return e
}

func (n *node) open(path string, flags int) (capability.Capability, syscall.Errno) {
	n.t.Helper()
	n.seq++
	o := filesys.Opener{Node: 1, Boot: 1, Seq: n.seq}
	h, _, e := n.ask(n.root, std.Header{Command: filesys.Open, Extra: uint32(flags), Size: 0o640}, (&filesys.Place{Path: path}).Append(o.Append(nil)))
	return h.Capability(), e
}

func (n *node) must(c capability.Capability, e syscall.Errno) capability.Capability {
	n.t.Helper()
	if e != 0 {
		n.t.Fatal(e)
	}
	return c
}

func (n *node) release(c capability.Capability) {
	h := filesys.Held{Object: c.Object, Check: c.Check, Rights: uint32(c.Rights), Upto: n.seq}
	n.ask(c, std.Header{Command: filesys.Release}, h.Append((&filesys.Opener{Node: 1, Boot: 1}).Append(nil)))
}

func (n *node) write(c capability.Capability, off uint64, text string) syscall.Errno {
	_, _, e := n.ask(c, std.Header{Command: filesys.Write, Offset: off}, []byte(text))
	return e
}

func (n *node) read(c capability.Capability, off uint64, size uint32) string {
	n.t.Helper()
	_, b, e := n.ask(c, std.Header{Command: filesys.Read, Offset: off, Size: size}, nil)
	w, b, ok := filesys.DecodeWritten(b)
	if e != 0 || !ok || w.Size < int64(off)+int64(len(b)) {
		n.t.Fatal(e, ok, w)
	}
	return string(b)
}

func (n *node) names(c capability.Capability, room uint32, between func(name string)) (all []string) {
	n.t.Helper()
	for from := uint64(0); ; {
		_, b, e := n.ask(c, std.Header{Command: filesys.List, Offset: from, Size: room}, nil)
		if e != 0 {
			n.t.Fatal(e)
		}
		if len(b) == 0 {
			return all
		}
		for len(b) > 0 {
			var x filesys.Entry
			var ok bool
			if x, b, ok = filesys.DecodeEntry(b); !ok {
				n.t.Fatal("no entry")
			}
			from = x.Next
			all = append(all, x.Name)
			between(x.Name)
		}
	}
}

func TestShare_Files(t *testing.T) {
	dir := t.TempDir()
	n := newNode(t, dir, false)
	f := n.must(n.open("x", os.O_RDWR|os.O_CREATE))
	n.write(f, 0, "hello world")
	n.write(f, filesys.Append, "!")
	if text, err := os.ReadFile(filepath.Join(dir, "x")); string(text) != "hello world!" || err != nil {
		t.Errorf("the host sees %q, %v", text, err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "x")); info.Mode() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
	// Unlinked, or replaced by the host, it is the same file to who has it open.
	if e := n.do(filesys.Unlink, 0, "x"); e != 0 {
		t.Error(e)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := n.read(f, 6, 100); s != "world!" {
		t.Errorf("it reads %q", s)
	}
	n.release(f)
	if len(n.s.objects) != 1 {
		t.Errorf("%d objects are left", len(n.s.objects))
	}
	g := n.must(n.open("x", os.O_RDONLY))
	if s := n.read(g, 0, 100); s != "another" {
		t.Errorf("it reads %q", s)
	}
	w := n.must(n.open("x", os.O_WRONLY|os.O_TRUNC)) // what was open for reading only goes on too
	n.write(w, 0, "new")
	if s := n.read(g, 0, 100); s != "new" {
		t.Errorf("it reads %q", s)
	}
}

// Errors are those of open(2) and its kin.
func TestShare_Errors(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "d"), 0o755), os.WriteFile(filepath.Join(dir, "f"), nil, 0o644),
		os.Symlink("loop", filepath.Join(dir, "loop")), os.Symlink("f", filepath.Join(dir, "l")),
		syscall.Mkfifo(filepath.Join(dir, "p"), 0o644), os.Mkdir(filepath.Join(dir, "d/full"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	n := newNode(t, dir, false)
	for _, c := range []struct {
		path  string
		flags int
		want  syscall.Errno
	}{
		{"none", 0, syscall.ENOENT}, {"none/x", os.O_CREATE, syscall.ENOENT}, {"f/x", 0, syscall.ENOTDIR}, {"f/", 0, syscall.ENOTDIR},
		{"d", os.O_WRONLY, syscall.EISDIR}, {"f", os.O_CREATE | os.O_EXCL, syscall.EEXIST}, {"loop", 0, syscall.ELOOP},
		{"l", syscall.O_NOFOLLOW, syscall.ELOOP}, {"p", 0, syscall.ENXIO}, {"f", syscall.O_DIRECTORY, syscall.ENOTDIR},
		{strings.Repeat("n", 256), os.O_CREATE, syscall.ENAMETOOLONG}, {"new/", os.O_CREATE, syscall.EISDIR},
		{"l", 0, 0}, {"d/../f", 0, 0}, {"./d//full/.././", 0, 0},
	} {
		if _, e := n.open(c.path, c.flags); e != c.want {
			t.Errorf("open %q %#x: %v, want %v", c.path, c.flags, e, c.want)
		}
	}
	for _, c := range []struct {
		command uint32
		path    string
		want    syscall.Errno
	}{
		{filesys.Mkdir, "d", syscall.EEXIST}, {filesys.Mkdir, "none/d", syscall.ENOENT}, {filesys.Rmdir, "d", syscall.ENOTEMPTY},
		{filesys.Rmdir, "f", syscall.ENOTDIR}, {filesys.Unlink, "d", syscall.EISDIR}, {filesys.Rmdir, "d/.", syscall.EINVAL},
		{filesys.Unlink, "none", syscall.ENOENT}, {filesys.Rmdir, ".", syscall.EBUSY}, {filesys.Mkdir, "e/", 0}, {filesys.Rmdir, "e", 0},
	} {
		if e := n.do(c.command, 0o755, c.path); e != c.want {
			t.Errorf("%d %q: %v, want %v", c.command, c.path, e, c.want)
		}
	}
}

// Nothing outside of the folder is reached, by no path and no link; what leads out is for
// the node to look up in its own tree.
func TestShare_StaysInside(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "shared")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub"), 0o755), os.WriteFile(filepath.Join(top, "secret"), []byte("s"), 0o644),
		os.Symlink("../secret", filepath.Join(dir, "up")), os.Symlink(filepath.Join(top, "secret"), filepath.Join(dir, "abs")),
		os.Symlink("../..", filepath.Join(dir, "sub/out")), os.Symlink("/etc", filepath.Join(dir, "etc")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	n := newNode(t, dir, false)
	for path, way := range map[string]string{
		"../secret": "./secret", "up": "./secret", "abs": filepath.Join(top, "secret"), "sub/../../secret": "./secret",
		"sub/out/secret": "./secret", "etc/passwd": "/etc/passwd", "..": ".", "sub/../../shared/sub": "./shared/sub",
	} {
		for _, flags := range []int{os.O_RDONLY, os.O_RDWR | os.O_CREATE} {
			n.seq++
			o := filesys.Opener{Node: 1, Boot: 1, Seq: n.seq}
			h, b, _ := n.ask(n.root, std.Header{Command: filesys.Open, Extra: uint32(flags)}, (&filesys.Place{Path: path}).Append(o.Append(nil)))
			w, ok := filesys.DecodeWay(b)
			if h.Extra != filesys.Leave || !ok || w.Path != way {
				t.Errorf("%s: %d, %+v; want %s", path, h.Extra, w, way)
			}
		}
	}
	if e := n.do(filesys.Symlink, 0, "new", []byte("/etc/passwd")...); e != 0 {
		t.Error(e)
	}
	// A directory that the host puts elsewhere while somebody has it open leads nowhere.
	d := n.must(n.open("sub", syscall.O_DIRECTORY))
	if err := os.Rename(filepath.Join(dir, "sub"), filepath.Join(top, "sub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(dir, "sub")); err != nil {
		t.Fatal(err)
	}
	if _, _, e := n.ask(d, std.Header{Command: filesys.List, Size: 4096}, nil); e == 0 {
		t.Error("a directory that is gone can be listed")
	}
	if _, b, e := n.ask(d, std.Header{Command: filesys.Stat}, (&filesys.Place{Path: "secret"}).Append(nil)); e == 0 {
		t.Errorf("the secret is found: %x", b)
	}
}

// A name that is there all the time is listed once, whatever else comes and goes.
func TestShare_ListWhileNamesGo(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("file %d", i)
		want = append(want, name)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n := newNode(t, dir, false)
	got := n.names(n.root, 200, func(name string) {
		if name != "." && name != ".." {
			if e := n.do(filesys.Unlink, 0, name); e != 0 {
				t.Errorf("%s: %v", name, e)
			}
		}
	})
	slices.Sort(got)
	want = append(want, ".", "..")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d names", len(got), len(want))
	}
}

func TestShare_ReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, dir, true)
	if s := n.read(n.must(n.open("f", os.O_RDONLY)), 0, 10); s != "text" {
		t.Errorf("it reads %q", s)
	}
	if _, e := n.open("f", os.O_RDWR); e != syscall.EROFS {
		t.Errorf("open: %v", e)
	}
	for _, command := range []uint32{filesys.Mkdir, filesys.Unlink} {
		path := map[uint32]string{filesys.Mkdir: "d", filesys.Unlink: "f"}[command]
		if e := n.do(command, 0o755, path); e != syscall.EROFS {
			t.Errorf("%d: %v", command, e)
		}
	}
	c := filesys.Change{Mask: filesys.SetSize}
	if _, _, e := n.ask(n.root, std.Header{Command: filesys.Set}, (&filesys.Place{Path: "f"}).Append(c.Append(nil))); e != syscall.EROFS {
		t.Errorf("truncate: %v", e)
	}
}

// A node that was restarted has nothing open.
func TestShare_NodeRestarts(t *testing.T) {
	n := newNode(t, t.TempDir(), false)
	for i := range 10 {
		n.must(n.open(fmt.Sprint(i), os.O_RDWR|os.O_CREATE))
	}
	o := filesys.Opener{Node: 1, Boot: 2, Seq: 1}
	n.ask(n.root, std.Header{Command: filesys.Open}, (&filesys.Place{Path: "0"}).Append(o.Append(nil)))
	if len(n.s.objects) != 2 {
		t.Errorf("%d objects", len(n.s.objects))
	}
}

// Bytes that are no request change nothing, and are refused.
func FuzzServer(f *testing.F) {
	f.Add(uint32(filesys.Open), uint32(0), uint64(0), (&filesys.Place{Path: "a/../b"}).Append((&filesys.Opener{Node: 1}).Append(nil)))
	f.Add(uint32(filesys.Rename), uint32(0), uint64(0), (&filesys.Two{From: filesys.Place{Path: "a"}, To: filesys.Place{Path: "../x"}}).Append(nil))
	top := f.TempDir()
	if err := os.Mkdir(filepath.Join(top, "in"), 0o755); err != nil {
		f.Fatal(err)
	}
	s, err := New(Config{Folder: filepath.Join(top, "in"), Secret: capability.Secret{1}})
	if err != nil {
		f.Fatal(err)
	}
	root := capability.Owner(capability.Port{}, 0, capability.Secret{1})
	f.Fuzz(func(t *testing.T, command, extra uint32, off uint64, data []byte) {
		h := std.Header{Command: filesys.Open + command%20, Extra: extra, Offset: off, Size: 0o700}
		h.SetCapability(root)
		s.Do(&h, bytes.Clone(data))
		if names, err := os.ReadDir(top); err != nil || len(names) != 1 {
			t.Fatalf("outside there is %v, %v", names, err)
		}
	})
}
