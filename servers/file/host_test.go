package file

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// client is a node that asks a server, as the kernel does.
type client struct {
	t    testing.TB
	s    *Server
	now  int64
	root capability.Capability
	node uint32
	seq  uint64
	uses map[uint64]int // of files that are open

	store  *simStore // nil: the server has none
	keeper *Keeper
}

var testPort = capability.Port{9}

func newClient(t testing.TB) *client {
	n := uint64(1)
	s := New(Config{Port: testPort, Secret: capability.Secret{1}, Capacity: 1 << 30, Random: func() uint64 { n++; return n * 0x9e3779b97f4a7c15 }})
	return &client{t: t, s: s, node: 1, uses: make(map[uint64]int), root: capability.Owner(testPort, 0, capability.Secret{1})}
}

// ask makes one request; recalls are answered at once, by a node that has nothing open.
func (c *client) ask(dir capability.Capability, h std.Header, data []byte) (std.Header, []byte, syscall.Errno) {
	c.t.Helper()
	c.now++
	h.SetCapability(dir)
	for {
		g := h
		reply, recalls := c.s.Do(c.now, &g, data)
		if list := c.s.Need().Fetch; len(list) > 0 {
			for i := range list {
				data, err := c.store.read(list[i].File, list[i].Size)
				if err != nil {
					c.t.Fatalf("a block that should be there: %v", err)
				}
				c.s.Fetched(&list[i], data)
			}
			continue
		}
		if len(recalls) == 0 {
			if g.Status() != std.OK {
				c.t.Fatalf("command %d: %v", h.Command, g.Status())
			}
			return g, reply, syscall.Errno(g.Extra)
		}
		for _, r := range recalls {
			c.s.Recalled(r, true)
		}
	}
}

func (c *client) place(path string) []byte { return (&filesys.Place{Path: path}).Append(nil) }

func (c *client) do(command, extra, size uint32, path string, rest ...byte) syscall.Errno {
	_, _, e := c.ask(c.root, std.Header{Command: command, Extra: extra, Size: size}, append(c.place(path), rest...))
	return e
}

func (c *client) open(path string, flags int, mode uint32) (capability.Capability, filesys.Found, syscall.Errno) {
	c.seq++
	o := filesys.Opener{Node: c.node, Boot: 1, Seq: c.seq}
	p := filesys.Place{Path: path}
	h, data, e := c.ask(c.root, std.Header{Command: filesys.Open, Extra: uint32(flags), Size: mode}, p.Append(o.Append(nil)))
	if e != 0 {
		return capability.Capability{}, filesys.Found{}, e
	}
	f, ok := filesys.DecodeFound(data)
	if !ok {
		c.t.Fatal("no Found")
	}
	c.uses[h.Object]++
	return h.Capability(), f, 0
}

func (c *client) close(f capability.Capability) {
	if c.uses[f.Object]--; c.uses[f.Object] > 0 {
		return
	}
	o := filesys.Opener{Node: c.node, Boot: 1}
	h := filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), Upto: c.seq}
	c.ask(f, std.Header{Command: filesys.Release}, h.Append(o.Append(nil)))
}

func (c *client) two(command, extra uint32, from, to string) syscall.Errno {
	q := filesys.Two{From: filesys.Place{Path: from}, Check: c.root.Check, Rights: uint32(c.root.Rights), To: filesys.Place{Path: to}}
	_, _, e := c.ask(c.root, std.Header{Command: command, Extra: extra}, q.Append(nil))
	return e
}

func (c *client) stat(path string) (filesys.Found, syscall.Errno) {
	_, data, e := c.ask(c.root, std.Header{Command: filesys.Stat, Extra: filesys.NoFollow}, c.place(path))
	f, _ := filesys.DecodeFound(data)
	return f, e
}

// The same operations, on names of a small set, have the same results on a directory of
// the host as on the server, and leave the same tree.
func TestServer_AgreesWithHost(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("as root: no permissions are checked on the host either")
	}
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			d := &duel{t: t, c: newClient(t), dir: t.TempDir(), rng: rand.New(rand.NewPCG(seed, 7))}
			if seed%2 == 1 {
				d.c = start(t, newSimStore(seed), seed).client
			}
			defer d.end()
			for range 2500 {
				d.step()
				d.c.keep(d.rng)
			}
			d.compare()
		})
	}
}

// keep has the server, if it has storage, forget what it can read again, write what it has not
// written, and end and begin anew.
func (c *client) keep(rng *rand.Rand) {
	if c.store == nil {
		return
	}
	c.s.book.shrink(int64(rng.IntN(5)) * blockSize)
	k := rng.IntN(40)
	if k < 2 {
		if err := c.keeper.Commit(new(sync.Mutex), c.s, rng.IntN(4) == 0); err != nil {
			c.t.Fatal(err)
		}
	}
	if k == 0 {
		var err error
		if c.s, c.keeper, err = Open(c.store, simConfig(rng.Uint64())); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, r := range c.s.Doubts() {
		c.s.Recalled(r, c.uses[r.Object] > 0)
	}
}

// duel makes each operation on both sides.
type duel struct {
	t    *testing.T
	c    *client
	dir  string
	rng  *rand.Rand
	open []pair
	log  []string
}

// pair is a file that is open on both sides.
type pair struct {
	fd     int
	cap    capability.Capability
	append bool
	what   string
}

func (d *duel) end() {
	for _, p := range d.open {
		syscall.Close(p.fd)
	}
}

// path is a name of few: paths of up to three elements, with dots and slashes at times.
func (d *duel) path() string {
	names := []string{"a", "b", "c", "d"}
	var parts []string
	for range 1 + d.rng.IntN(3) {
		parts = append(parts, names[d.rng.IntN(len(names))])
	}
	p := strings.Join(parts, "/")
	switch d.rng.IntN(24) {
	case 0:
		p += "/"
	case 1:
		p += "/."
	case 2:
		p = p + "/../" + names[d.rng.IntN(len(names))]
	case 3:
		p = "./" + p
	case 4:
		p += "/.."
	}
	return p
}

func (d *duel) same(host error, server syscall.Errno, format string, args ...any) bool {
	d.t.Helper()
	var e syscall.Errno
	if host != nil && !errors.As(host, &e) {
		d.t.Fatal(host)
	}
	what := fmt.Sprintf(format, args...)
	d.log = append(d.log, fmt.Sprintf("%s: %v", what, e))
	if e != server {
		d.t.Fatalf("%s: on the host %v, on the server %v; before that\n%s", what, e, server, strings.Join(d.log[max(0, len(d.log)-25):], "\n"))
	}
	return e == 0
}

// leaves reports whether a path leads above the root: on the host there is more.
func (d *duel) leaves(e syscall.Errno) bool { return e == filesys.Leave }

func (d *duel) host(p string) string { return d.dir + "/" + p }

func (d *duel) step() {
	c, p, q := d.c, d.path(), d.path()
	mode := uint32([]int{0o644, 0o755, 0o600}[d.rng.IntN(3)])
	switch d.rng.IntN(16) {
	case 0, 1:
		if e := c.do(filesys.Mkdir, 0, mode, p); !d.leaves(e) {
			d.same(syscall.Mkdir(d.host(p), mode), e, "mkdir %s", p)
		}
	case 2:
		if e := c.do(filesys.Rmdir, 0, 0, p); !d.leaves(e) {
			d.same(syscall.Rmdir(d.host(p)), e, "rmdir %s", p)
		}
	case 3:
		if e := c.do(filesys.Unlink, 0, 0, p); !d.leaves(e) {
			d.same(syscall.Unlink(d.host(p)), e, "unlink %s", p)
		}
	case 4, 5:
		if e := c.two(filesys.Rename, 0, p, q); !d.leaves(e) {
			d.same(syscall.Rename(d.host(p), d.host(q)), e, "rename %s %s", p, q)
		}
	case 6:
		if e := c.two(filesys.Link, 0, p, q); !d.leaves(e) {
			d.same(syscall.Link(d.host(p), d.host(q)), e, "link %s %s", p, q)
		}
	case 7:
		target := []string{"a", "b/c", "../a", "./c", "d/"}[d.rng.IntN(5)]
		if e := c.do(filesys.Symlink, 0, 0, p, []byte(target)...); !d.leaves(e) {
			d.same(syscall.Symlink(target, d.host(p)), e, "symlink %s %s", target, p)
		}
	case 8, 9, 10:
		d.openOne(p, mode)
	case 11:
		if len(d.open) > 0 {
			i := d.rng.IntN(len(d.open))
			syscall.Close(d.open[i].fd)
			c.close(d.open[i].cap)
			d.log = append(d.log, "close "+d.open[i].what)
			d.open = slices.Delete(d.open, i, i+1)
		}
	case 12, 13:
		d.write()
	case 14:
		d.read()
	case 15:
		d.set(p, mode)
	}
}

func (d *duel) openOne(p string, mode uint32) {
	flags := d.rng.IntN(3)
	for _, f := range []int{syscall.O_CREAT, syscall.O_EXCL, syscall.O_TRUNC, syscall.O_APPEND, syscall.O_DIRECTORY, syscall.O_NOFOLLOW} {
		if d.rng.IntN(4) == 0 || f == syscall.O_CREAT && d.rng.IntN(2) == 0 {
			flags |= f
		}
	}
	if flags&syscall.O_DIRECTORY != 0 {
		flags &^= syscall.O_CREAT // what Linux says of the two has changed over time
	}
	if flags&syscall.O_CREAT == 0 {
		flags &^= syscall.O_EXCL
	}
	f, _, e := d.c.open(p, flags, mode)
	if d.leaves(e) {
		return
	}
	fd, err := syscall.Open(d.host(p), flags, mode)
	if d.same(err, e, "open %s %#x", p, flags) {
		d.open = append(d.open, pair{fd, f, flags&syscall.O_APPEND != 0, fmt.Sprintf("%s %#x", p, flags)})
	}
}

func (d *duel) pick() *pair {
	if len(d.open) == 0 {
		return nil
	}
	return &d.open[d.rng.IntN(len(d.open))]
}

func (d *duel) offset() int64 {
	return []int64{0, 1, 100, 4095, blockSize - 3, blockSize, 3*blockSize + 7}[d.rng.IntN(7)]
}

func (d *duel) write() {
	f := d.pick()
	if f == nil || f.cap.Rights&filesys.RightWrite == 0 {
		return
	}
	data := bytes.Repeat([]byte{byte(1 + d.rng.IntN(255))}, 1+d.rng.IntN(5000))
	off := d.offset()
	h := std.Header{Command: filesys.Write, Offset: uint64(off), Extra: d.c.node}
	var n int
	var err error
	if f.append {
		h.Offset = filesys.Append
		n, err = syscall.Write(f.fd, data)
	} else {
		n, err = syscall.Pwrite(f.fd, data, off)
	}
	if errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EISDIR) { // a directory: the kernel knows
		return
	}
	g, _, e := d.c.ask(f.cap, h, data)
	if d.same(err, e, "write %s %d at %d", f.what, len(data), off) && int(g.Size) != n {
		d.t.Fatalf("wrote %d, the host %d", g.Size, n)
	}
}

func (d *duel) read() {
	f := d.pick()
	if f == nil || f.cap.Rights&filesys.RightRead == 0 {
		return
	}
	buf, off := make([]byte, 1+d.rng.IntN(filesys.MaxData)), d.offset()
	n, err := syscall.Pread(f.fd, buf, off)
	_, data, e := d.c.ask(f.cap, std.Header{Command: filesys.Read, Offset: uint64(off), Size: uint32(len(buf)), Extra: d.c.node}, nil)
	if e == 0 {
		_, data, _ = filesys.DecodeWritten(data)
	}
	if d.same(err, e, "read %s %d at %d", f.what, len(buf), off) && !bytes.Equal(data, buf[:n]) {
		d.t.Fatalf("read %d bytes, the host %d, or they differ\n%s", len(data), n, strings.Join(d.log, "\n"))
	}
}

func (d *duel) set(p string, mode uint32) {
	size := d.offset()
	ch := filesys.Change{Mask: filesys.SetSize, Size: size}
	if d.rng.IntN(2) == 0 {
		ch = filesys.Change{Mask: filesys.SetMode, Mode: mode}
	}
	pl := filesys.Place{Path: p}
	_, _, e := d.c.ask(d.c.root, std.Header{Command: filesys.Set}, pl.Append(ch.Append(nil)))
	switch {
	case d.leaves(e):
	case ch.Mask == filesys.SetSize:
		d.same(syscall.Truncate(d.host(p), size), e, "truncate %s %d", p, size)
	default:
		d.same(syscall.Chmod(d.host(p), mode), e, "chmod %s %o", p, mode)
	}
}

// compare looks at the whole of both trees.
func (d *duel) compare() {
	count := 0
	err := filepath.WalkDir(d.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(d.dir, path)
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		f, errno := d.c.stat(rel)
		if errno != 0 {
			d.t.Fatalf("%s: %v", rel, errno)
		}
		if rel != "." && (f.Mode != st.Mode || uint64(f.Nlink) != uint64(st.Nlink)) || f.Mode&modeType == modeReg && f.Size != st.Size {
			d.t.Errorf("%s: mode %o, %d links, %d bytes; on the host %o, %d, %d", rel, f.Mode, f.Nlink, f.Size, st.Mode, st.Nlink, st.Size)
		}
		count++
		switch f.Mode & modeType {
		case modeReg:
			want, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			c, _, _ := d.c.open(rel, 0, 0)
			var got []byte
			for {
				_, part, _ := d.c.ask(c, std.Header{Command: filesys.Read, Offset: uint64(len(got)), Size: filesys.MaxData}, nil)
				if _, part, _ = filesys.DecodeWritten(part); len(part) == 0 {
					break
				}
				got = append(got, part...)
			}
			d.c.close(c)
			if !bytes.Equal(got, want) {
				d.t.Errorf("%s: %d bytes differ from the host's %d", rel, len(got), len(want))
			}
		case modeLink:
			_, got, _ := d.c.ask(d.c.root, std.Header{Command: filesys.Readlink}, d.c.place(rel))
			if want, _ := os.Readlink(path); string(got) != want {
				d.t.Errorf("%s leads to %q, on the host to %q", rel, got, want)
			}
		case modeDir:
			d.compareList(rel, path)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, p := range d.open {
		d.c.close(p.cap)
	}
	// Hard links are counted once by the server, and once for each name by the walk.
	if n := len(d.c.s.inodes); n > count {
		d.t.Errorf("%d inodes are left, the tree has %d names", n, count)
	}
	used := int64(0)
	for _, n := range d.c.s.inodes {
		if used += n.content.used(); n != d.c.s.root {
			used += inodeBytes
		}
	}
	if used != d.c.s.used {
		d.t.Errorf("%d bytes are counted, %d are used", d.c.s.used, used)
	}
}

// compareList lists a directory in small pieces.
func (d *duel) compareList(rel, path string) {
	c, _, e := d.c.open(rel, syscall.O_DIRECTORY, 0)
	if e != 0 {
		d.t.Fatalf("%s: %v", rel, e)
	}
	var names []string
	for cookie := uint64(0); ; {
		_, data, e := d.c.ask(c, std.Header{Command: filesys.List, Offset: cookie, Size: 50}, nil)
		if e != 0 {
			d.t.Fatalf("listing %s: %v", rel, e)
		}
		if len(data) == 0 {
			break
		}
		for len(data) > 0 {
			var x filesys.Entry
			x, data, _ = filesys.DecodeEntry(data)
			names, cookie = append(names, x.Name), x.Next
		}
	}
	if len(names) < 2 || names[0] != "." || names[1] != ".." {
		d.t.Fatalf("%s lists %q", rel, names)
	}
	names = names[2:]
	slices.Sort(names)
	list, err := os.ReadDir(path)
	if err != nil {
		d.t.Fatal(err)
	}
	var want []string
	for _, e := range list {
		want = append(want, e.Name())
	}
	if !slices.Equal(names, want) {
		d.t.Errorf("%s has %q, on the host %q", rel, names, want)
	}
}
