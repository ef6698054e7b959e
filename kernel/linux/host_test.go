package linux_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motile/kernel/abi"
	"motile/kernel/fs"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

// The tests in this file make the same random calls of this kernel and of the
// Linux the test runs on, and compare what comes back. Whatever differs on
// purpose is left out of what they generate, with the reason.

// twin is a process on each side, with the same memory and descriptors.
type twin struct {
	*rapid.T
	b   *Bench
	p   *Thread
	h   *Host
	log []string
	// loose: where several things are wrong at once, either may be reported.
	loose bool
}

// forTwins runs a property with both sides fresh every time: an empty working
// directory, no open descriptor.
func forTwins(t *testing.T, property func(w *twin)) {
	h := NewHost(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		b := New(rt)
		w := &twin{T: rt, b: b, p: b.Process(), h: h}
		w.p.Disposition(abi.SIGPIPE, proc.SigIgn) // as the host's Go runtime does
		n++
		h.Call(abi.SysCloseRange, 0, 899, 0)
		h.Call(abi.SysMunmap, window, windowSize)
		h.Call(abi.SysChdir, w.hostText(h.Dir()))
		w.p.Must(abi.SysChdir, w.p.Text("/tmp"))
		for _, dir := range []string{fmt.Sprintf("t%d", n), "w"} { // two, because links lead to ".."
			w.call(abi.SysMkdir, w.text(dir), 0o755)
			w.call(abi.SysChdir, w.text(dir))
		}
		defer func() {
			if rt.Failed() {
				rt.Logf("calls so far:\n%s", strings.Join(w.log, "\n"))
			}
		}()
		property(w)
		b.Close()
	})
}

func (w *twin) hostText(s string) uint64 {
	at := w.b.Alloc(len(s) + 1)
	w.h.Put(at, append([]byte(s), 0))
	return at
}

// put places bytes at the same address of both.
func (w *twin) put(p []byte) uint64 {
	at := w.p.Bytes(p)
	w.h.Put(at, p)
	return at
}

func (w *twin) text(s string) uint64 { return w.put(append([]byte(s), 0)) }

// call makes a call on both sides and compares the results.
func (w *twin) call(nr int, args ...uint64) Result {
	w.Helper()
	any := make([]any, len(args))
	for i, a := range args {
		any[i] = a
	}
	mine, theirs := w.p.Call(nr, any...), w.h.Call(nr, args...)
	w.log = append(w.log, fmt.Sprintf("  call %d%#x = %v", nr, args, mine))
	if mine != theirs && !(w.loose && mine < 0 && theirs < 0) {
		w.Fatalf("call %d%#x: %v, Linux says %v", nr, args, mine, theirs)
	}
	return mine
}

// same compares memory after a call.
func (w *twin) same(what string, addr uint64, n int) {
	w.Helper()
	if n <= 0 {
		return
	}
	if mine, theirs := w.p.Get(addr, n), w.h.Get(addr, n); !bytes.Equal(mine, theirs) {
		w.Fatalf("%s: %x, Linux says %x", what, mine, theirs)
	}
}

func (w *twin) pick(what string, from ...uint64) uint64 {
	return rapid.SampledFrom(from).Draw(w.T, what)
}

func (w *twin) fd() uint64 {
	return uint64(rapid.IntRange(-1, 11).Draw(w.T, "fd"))
}

// actions are what a property may do next, by name.
type actions map[string]func()

func (w *twin) run(a actions) {
	m := make(map[string]func(*rapid.T))
	for name, f := range a {
		m[name] = func(t *rapid.T) {
			w.T = t
			w.log = append(w.log, name)
			f()
		}
	}
	w.T.Repeat(m)
}

const (
	getFL, setFL, getFD, setFD   = 3, 4, 1, 2
	dupFD, dupCloexec            = 0, 1030
	settable                     = object.ONonblock | object.OAppend
	window, windowSize, pageSize = 0x30000000, 0x10000, 4096
)

// descriptorActions change and show the descriptor table. Every pipe and eventfd
// is nonblocking: neither side may block.
func (w *twin) descriptorActions() actions {
	return actions{
		"pipe": func() {
			at := w.put(make([]byte, 8))
			if w.call(abi.SysPipe2, at, object.ONonblock|w.pick("flags", 0, object.OCloexec)) == 0 {
				w.same("descriptors", at, 8)
			}
		},
		"pipe, bad": func() {
			w.call(abi.SysPipe2, w.put(make([]byte, 8)), w.pick("flags", 1, 0x10))
		},
		"eventfd": func() {
			w.call(abi.SysEventfd2, w.pick("count", 0, 1, 7), object.ONonblock|w.pick("flags", 0, 1, object.OCloexec, 4))
		},
		"dup":   func() { w.call(abi.SysDup, w.fd()) },
		"dup2":  func() { w.call(abi.SysDup2, w.fd(), w.fd()) },
		"dup3":  func() { w.call(abi.SysDup3, w.fd(), w.fd(), w.pick("flags", 0, object.OCloexec, 1)) },
		"close": func() { w.call(abi.SysClose, w.fd()) },
		"close_range": func() {
			w.call(abi.SysCloseRange, w.pick("first", 3, 5, 9), w.pick("last", 4, 6, 9, 20), w.pick("flags", 0, 4, 1))
		},
		"F_DUPFD": func() {
			w.call(abi.SysFcntl, w.fd(), w.pick("cmd", dupFD, dupCloexec), w.pick("from", 0, 3, 8, 5000))
		},
		"F_GETFD": func() { w.call(abi.SysFcntl, w.fd(), getFD) },
		"F_SETFD": func() { w.call(abi.SysFcntl, w.fd(), setFD, w.pick("flag", 0, 1, 2)) },
		"F_GETFL": func() {
			// The O_LARGEFILE bit is on for files only; we always show it.
			const largefile = 0x8000
			fd := w.fd()
			mine, theirs := w.p.Call(abi.SysFcntl, fd, getFL), w.h.Call(abi.SysFcntl, fd, getFL)
			if mine|largefile != theirs|largefile && mine != theirs {
				w.Fatalf("flags of %d: %v, Linux says %v", fd, mine, theirs)
			}
		},
		"F_SETFL": func() {
			w.call(abi.SysFcntl, w.fd(), setFL, object.ONonblock|w.pick("flags", 0, object.OAppend, object.OCloexec|object.OWronly))
		},
	}
}

// ioActions move bytes.
func (w *twin) ioActions() actions {
	return actions{
		"write": func() {
			fd, n := w.fd(), rapid.SampledFrom([]int{0, 1, 8, 100, 4096, 5000}).Draw(w.T, "n")
			if is[*object.Eventfd](w, fd) && n > 8 {
				n = 8 // newer versions of Linux refuse more, older ones ignore it
			}
			p := bytes.Repeat([]byte{byte(n), 1, 2, 3}, n/4+1)[:n]
			w.call(abi.SysWrite, fd, w.put(p), uint64(n))
		},
		"read": func() {
			fd, n := w.fd(), w.pick("n", 0, 1, 7, 8, 100, 5000)
			if at := w.put(make([]byte, n)); !is[*fs.Dir](w, fd) { // EISDIR, or EINVAL at some offsets
				w.same("bytes", at, int(w.call(abi.SysRead, fd, at, n)))
			}
		},
		"bad buffer": func() {
			if fd := w.fd(); !counts(w, fd) { // Linux loses the count
				w.call(int(w.pick("call", abi.SysRead, abi.SysWrite)), fd, 0x2000, 8)
			}
		},
		"writev": func() {
			a, b := w.put([]byte("abcdefgh")), w.put([]byte("01234567"))
			v := w.put(le(a, w.pick("n1", 0, 3, 8), b, w.pick("n2", 0, 5, 8)))
			if fd := w.fd(); !counts(w, fd) { // Linux gives it every piece by itself
				w.call(abi.SysWritev, fd, v, w.pick("pieces", 0, 1, 2))
			}
		},
		"pread":  func() { w.positioned(abi.SysPread64) },
		"pwrite": func() { w.positioned(abi.SysPwrite64) },
		"lseek": func() {
			fd := w.fd()
			if counts(w, fd) || is[*fs.Dir](w, fd) {
				return // Linux accepts the offset and ignores it; the end of a directory is the file system's
			}
			w.call(abi.SysLseek, fd, w.pick("offset", 0, 1, 100, 5000, ^uint64(0), 1<<63), w.pick("whence", 0, 1, 2, 7))
		},
		"FIONREAD": func() {
			at := w.put(make([]byte, 4))
			if fd := w.fd(); is[*object.Pipe](w, fd) {
				w.call(abi.SysIoctl, fd, 0x541b, at)
				w.same("count", at, 4)
			}
		},
		"poll": func() {
			var b []byte
			for range rapid.IntRange(0, 4).Draw(w.T, "entries") {
				b = append(b, le(w.fd()&0xffffffff|w.pick("events", 0, 1, 4, 5, 0x2001)<<32)...)
			}
			at := w.put(b)
			if w.call(abi.SysPoll, at, uint64(len(b)/8), 0) >= 0 {
				w.same("revents", at, len(b))
			}
		},
		"select": func() {
			var at [3]uint64
			for i := range at {
				at[i] = w.put(le(w.pick("set", 0, 0b11111000, 0b1010101000, 1<<12)))
			}
			if w.call(abi.SysSelect, w.pick("n", 0, 8, 12, 64, ^uint64(0)), at[0], at[1], at[2], w.put(le(0, 0))) >= 0 {
				for i := range at {
					w.same("set", at[i], 8)
				}
			}
		},
	}
}

// is reports what a descriptor refers to. It asks this side only, and is for what
// the generator leaves out.
func is[T any](w *twin, fd uint64) bool {
	f := w.p.Process().FDs.Get(int32(fd))
	if f == nil {
		return false
	}
	_, ok := f.Impl.(T)
	return ok
}

// counts reports whether a descriptor is one without bytes.
func counts(w *twin, fd uint64) bool {
	return is[*object.Eventfd](w, fd) || is[*object.Epoll](w, fd) || is[*object.Timerfd](w, fd) || is[*object.Signalfd](w, fd)
}

func (w *twin) positioned(nr int) {
	n := w.pick("n", 0, 1, 100)
	at, fd := w.put(bytes.Repeat([]byte("xyz"), 40)), w.fd()
	if counts(w, fd) {
		return // as with lseek
	}
	if r := w.call(nr, fd, at, n, w.pick("offset", 0, 50, 4090, ^uint64(0))); nr == abi.SysPread64 {
		w.same("bytes", at, int(r))
	}
}

func le(v ...uint64) (b []byte) {
	for _, x := range v {
		for i := range 8 {
			b = append(b, byte(x>>(8*i)))
		}
	}
	return b
}

func merge(all ...actions) actions {
	m := make(actions)
	for _, a := range all {
		for name, f := range a {
			m[name] = f
		}
	}
	return m
}

func TestHost_Descriptors(t *testing.T) {
	forTwins(t, func(w *twin) { w.run(merge(w.descriptorActions(), w.ioActions())) })
}

// epollActions: level and edge triggered, nested sets, changes while ready. The
// order of events is not promised, but both sides keep the order of arrival.
func (w *twin) epollActions() actions {
	return actions{
		"epoll_create": func() { w.call(abi.SysEpollCreate1, w.pick("flags", 0, object.OCloexec, 1)) },
		"epoll_ctl": func() {
			const once, edge = 1 << 30, 1 << 31
			events := w.pick("events", 0, 1, 4, 5, 0x2001) | w.pick("how", 0, 0, once, edge, edge|once)
			fd := w.fd()
			at := w.put(le(events|fd<<32, 0)[:12])
			w.call(abi.SysEpollCtl, w.fd(), w.pick("op", 1, 1, 1, 2, 3, 4), fd, at)
		},
		"epoll_wait": func() {
			at := w.put(make([]byte, 12*8))
			n := w.call(abi.SysEpollWait, w.fd(), at, w.pick("max", 1, 8, 0), 0)
			w.same("events", at, 12*int(n))
		},
	}
}

func TestHost_Epoll(t *testing.T) {
	forTwins(t, func(w *twin) {
		d := w.descriptorActions()
		w.run(merge(actions{"pipe": d["pipe"], "pipe 2": d["pipe"], "eventfd": d["eventfd"], "dup": d["dup"], "close": d["close"]},
			w.ioActions(), w.epollActions(), w.epollActions()))
	})
}

// Names the file properties play with. Their directory is their root: none of
// them leads out of it.
var names = []string{"a", "b", "d", "e", "d/a", "d/b", "d/s", "d/s/f", "a/", "d/", "d/.", "d/../a", "l", "l/a", "l/",
	"", ".", "./a", "d//a", "nowhere/x"}

var targets = []string{"a", "d", "l", "nowhere", "../a", "d/s", "."}

func (w *twin) name() uint64 {
	s := rapid.SampledFrom(names).Draw(w.T, "name")
	if bare, slash := strings.CutSuffix(s, "/"); slash {
		// Linux follows "link/", and insists on a directory, when it looks
		// something up, but not when it removes or makes it; we always do.
		pl, errno := w.b.K.FS.Lookup(w.b.K.FS.Root, w.p.Process().Cwd+"/"+bare, false)
		if errno == 0 && pl.Node != nil && !pl.Node.IsDir() {
			s = bare
		}
	}
	return w.text(s)
}

func (w *twin) fileActions() actions {
	return actions{
		"open": func() {
			mode := w.pick("access", 0, 1, 2)
			more := w.pick("flags", 0, object.OCreat, object.OCreat, object.OCreat|object.OExcl, object.OAppend, object.OCreat|object.OAppend,
				object.ODirectory, object.ONofollow, object.OCloexec)
			if mode != 0 {
				more |= w.pick("truncate", 0, object.OTrunc)
			}
			name := w.name()
			if more&object.OCreat != 0 && strings.HasSuffix(w.p.CString(name), "/") {
				return // whether EISDIR or EEXIST comes first
			}
			w.call(abi.SysOpen, name, mode|more, 0o644)
		},
		"mkdir":   func() { w.call(abi.SysMkdir, w.name(), 0o755) },
		"rmdir":   func() { w.call(abi.SysRmdir, w.name()) },
		"unlink":  func() { w.call(abi.SysUnlink, w.name()) },
		"rename":  func() { w.two(abi.SysRename, w.name(), w.name()) },
		"rename2": func() { w.two(abi.SysRenameat2, at(fdcwd), w.name(), at(fdcwd), w.name(), w.pick("flags", 0, 1)) },
		"link":    func() { w.two(abi.SysLink, w.name(), w.name()) },
		"symlink": func() { w.call(abi.SysSymlink, w.text(rapid.SampledFrom(targets).Draw(w.T, "target")), w.name()) },
		"readlink": func() {
			buf := w.put(make([]byte, 16))
			w.same("target", buf, int(w.call(abi.SysReadlink, w.name(), buf, 16)))
		},
		"truncate": func() { w.call(abi.SysTruncate, w.name(), w.pick("size", 0, 5, 5000)) },
		"ftruncate": func() {
			w.call(abi.SysFtruncate, w.fd(), w.pick("size", 0, 5, 5000))
		},
		"access": func() { w.call(abi.SysAccess, w.name(), w.pick("mode", 0, 1, 4)) },
		"stat":   func() { w.stat(abi.SysStat, w.name()) },
		"lstat":  func() { w.stat(abi.SysLstat, w.name()) },
		"fstat":  func() { w.stat(abi.SysFstat, w.fd()) },
		"openat": func() {
			w.call(abi.SysOpenat, w.fd(), w.name(), w.pick("flags", 0, object.OCreat|object.OWronly), 0o644)
		},
		"mkdirat": func() { w.call(abi.SysMkdirat, w.fd(), w.name(), 0o755) },
		"renameat": func() {
			w.two(abi.SysRenameat, w.fd(), w.name(), w.fd(), w.name())
		},
		"unlinkat": func() { w.call(abi.SysUnlinkat, w.fd(), w.name(), w.pick("flags", 0, 0x200)) },
		"list":     func() { w.list(w.fd()) },
	}
}

// two is call for two paths or places, of which both may be bad.
func (w *twin) two(nr int, args ...uint64) Result {
	w.Helper()
	w.loose = true
	defer func() { w.loose = false }()
	return w.call(nr, args...)
}

const fdcwd = -100

func at(fd int64) uint64 { return uint64(fd) }

// stat compares what does not depend on the host's kind of file system: type and
// permissions; links and size of what is no directory.
func (w *twin) stat(nr int, arg uint64) {
	buf := w.put(make([]byte, 144))
	if w.call(nr, arg, buf) != 0 {
		return
	}
	w.same("mode", buf+24, 4)
	if mode := w.p.Word32(buf + 24); mode&object.ModeType == object.ModeReg || mode&object.ModeType == object.ModeLink {
		w.same("links", buf+16, 8)
		w.same("size", buf+48, 8)
	}
}

// list compares the names in a directory, from its beginning.
func (w *twin) list(fd uint64) {
	buf := w.put(make([]byte, 4096))
	w.call(abi.SysLseek, fd, 0, 0)
	mine, theirs := w.p.Call(abi.SysGetdents64, fd, buf, 4096), w.h.Call(abi.SysGetdents64, fd, buf, 4096)
	if mine < 0 || theirs < 0 {
		if mine != theirs {
			w.Fatalf("getdents of %d: %v, Linux says %v", fd, mine, theirs)
		}
		return
	}
	a, b := entries(w.p.Get(buf, int(mine))), entries(w.h.Get(buf, int(theirs)))
	if !slices.Equal(a, b) {
		w.Fatalf("getdents of %d: %v, Linux says %v", fd, a, b)
	}
}

// entries are the names and types of struct linux_dirent64, sorted.
func entries(b []byte) (all []string) {
	for len(b) > 0 {
		n := int(b[16]) | int(b[17])<<8
		name, _, _ := strings.Cut(string(b[19:n]), "\x00")
		all = append(all, fmt.Sprintf("%s:%d", name, b[18]))
		b = b[n:]
	}
	slices.Sort(all)
	return all
}

func TestHost_Files(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("not root: permissions are the host's business")
	}
	forTwins(t, func(w *twin) {
		d, i := w.descriptorActions(), w.ioActions()
		w.run(merge(w.fileActions(), actions{"dup": d["dup"], "close": d["close"], "F_SETFL": d["F_SETFL"],
			"read": i["read"], "write": i["write"], "pread": i["pread"], "pwrite": i["pwrite"], "lseek": i["lseek"]}))
	})
}

// memoryActions play in a window of 16 pages.
func (w *twin) memoryActions() actions {
	addr := func() uint64 {
		return window + pageSize*uint64(rapid.IntRange(0, 15).Draw(w.T, "page")) + w.pick("skew", 0, 0, 0, 0, 1)
	}
	length := func(at uint64) uint64 {
		return min(w.pick("length", 0, 1, pageSize, 2*pageSize, 5*pageSize), window+windowSize-at)
	}
	prot := func() uint64 { return w.pick("prot", 0, 1, 3, 3, 5, 7) }
	return actions{
		"mmap": func() {
			const fixed, noReplace, anon, shared, private = 0x10, 0x100000, 0x20, 1, 2
			a := addr()
			w.call(abi.SysMmap, a, length(a), prot(), anon|w.pick("where", fixed, noReplace)|w.pick("kind", shared, private), ^uint64(0), 0)
		},
		"munmap": func() { a := addr(); w.call(abi.SysMunmap, a, length(a)) },
		"mprotect": func() {
			a := addr()
			n := length(a)
			if w.call(abi.SysMprotect, a, n, prot()) == -abi.ENOMEM {
				w.call(abi.SysMunmap, a, n) // Linux has changed the pages below the hole, we have not
			}
		},
		"mremap": func() {
			const mayMove, fixed = 1, 2
			a, to := addr(), addr()
			flags, n, m := w.pick("flags", 0, mayMove|fixed, fixed), length(a), length(a)
			if flags != 0 {
				n, m = pageSize, length(to) // of a longer move over holes, some versions of Linux do more than others
			}
			if n == 0 {
				return // duplicates shared memory, which is not built
			}
			if w.two(abi.SysMremap, a, n, m, flags, to) < 0 {
				w.call(abi.SysMunmap, window, windowSize) // how much of it was done is not said
			}
		},
		"advise fork": func() {
			a := addr()
			w.call(abi.SysMadvise, a, length(a), w.pick("advice", 10, 11, 18, 19))
		},
		"madvise": func() { a := addr(); w.call(abi.SysMadvise, a, length(a), 4) },
		"mmap, file": func() {
			const fixed, shared, private = 0x10, 1, 2
			a := addr() &^ (pageSize - 1)
			kind, fd := w.pick("kind", shared, private), uint64(5)
			if kind == private {
				fd = w.pick("file", 5, 6)
			}
			w.call(abi.SysMmap, a, length(a), prot(), fixed|kind, fd, w.pick("offset", 0, pageSize, 7*pageSize, 1))
		},
		"write, file": func() {
			p := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(w.T, "bytes")
			w.call(abi.SysPwrite64, 5, w.put(p), uint64(len(p)), w.pick("offset", 0, 4090, 10_000, 30_000))
		},
		"read, file": func() {
			buf := w.put(make([]byte, 2000))
			w.same("bytes", buf, int(w.call(abi.SysPread64, 5, buf, 2000, w.pick("offset", 0, 4000, 9_000, 30_000))))
		},
		"msync": func() { w.call(abi.SysMsync, addr(), 0, 4) },
		"show": func() { // through a pipe, 3 being its read end
			n := w.call(abi.SysWrite, 4, addr()&^(pageSize-1), pageSize) // how much of several pages goes in is not said
			buf := w.put(make([]byte, pageSize))
			w.call(abi.SysRead, 3, buf, pageSize)
			w.same("bytes", buf, int(n))
		},
		"fill": func() {
			p := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(w.T, "bytes")
			w.call(abi.SysWrite, 4, w.put(p), uint64(len(p)))
			w.call(abi.SysRead, 3, addr(), uint64(len(p)))
			buf := w.put(make([]byte, 100))
			w.call(abi.SysRead, 3, buf, 100) // what did not go in
		},
	}
}

func TestHost_Memory(t *testing.T) {
	forTwins(t, func(w *twin) {
		pipe := w.put(make([]byte, 8))
		for range 3 { // descriptors 3 and 4, by way of 0, 1, 2
			w.call(abi.SysDup2, 99, 99)
		}
		w.call(abi.SysPipe2, pipe, object.ONonblock)
		w.call(abi.SysDup2, 1, 4)
		w.call(abi.SysDup2, 0, 3)
		// 5 is a file of two and a half pages, 6 the same, read-only.
		name := w.text("file")
		w.call(abi.SysDup2, uint64(w.call(abi.SysOpen, name, object.OCreat|object.ORdwr, 0o644)), 5)
		w.call(abi.SysDup2, uint64(w.call(abi.SysOpen, name, object.ORdonly)), 6)
		w.call(abi.SysFtruncate, 5, 10_000)
		w.run(w.memoryActions())
	})
}
