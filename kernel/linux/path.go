package linux

import (
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Paths and what is done with names.

const (
	atFDCWD         = -100
	atNoFollow      = 0x100
	atRemoveDir     = 0x200
	atSymlinkFollow = 0x400
	atEmptyPath     = 0x1000
	pathMax         = 4096
)

// path reads a path argument, or says what stands for it.
func (k *Kernel) path(t *proc.Thread, addr uint64) (string, int64) {
	k.paths++
	if k.lead.path != "" && k.paths == k.lead.which+1 {
		return k.lead.path, 0
	}
	return k.text(t, addr)
}

// text reads a string that is no longer than a path.
func (k *Kernel) text(t *proc.Thread, addr uint64) (string, int64) {
	s, ok, f := t.Process().Space.String(addr, pathMax-1)
	switch {
	case f != vm.OK:
		return "", k.fault(f)
	case !ok:
		return "", -abi.ENAMETOOLONG
	}
	return s, 0
}

// base is the directory relative paths start from: a descriptor's, or the
// working directory. The latter is kept as a path, because a path is the same
// on every node. Beyond, if it is not nil, is a directory of a server.
func (k *Kernel) base(t *proc.Thread, dirfd int64, path string) (*fs.Node, *fs.Beyond, int64) {
	if path != "" && path[0] == '/' {
		return k.FS.Root, nil, 0
	}
	if int32(dirfd) == atFDCWD {
		pl, errno := k.FS.Lookup(k.FS.Root, t.Process().Cwd, true)
		if errno == 0 && pl.Node == nil && pl.Beyond == nil {
			errno = abi.ENOENT
		}
		return pl.Node, pl.Beyond, -int64(errno)
	}
	f := t.Process().FDs.Get(int32(dirfd))
	if f == nil {
		return nil, nil, -abi.EBADF
	}
	switch d := f.Impl.(type) {
	case *fs.Dir:
		return d.Node, nil, 0
	case *object.Served:
		if d.IsDir() {
			return nil, &fs.Beyond{Dir: d.Cap, Root: d.Root}, 0
		}
	}
	return nil, nil, -abi.ENOTDIR
}

// lookup resolves the path at addr, relative to dirfd.
func (k *Kernel) lookup(t *proc.Thread, dirfd int64, addr uint64, follow bool) (fs.Place, string, int64) {
	path, errno := k.path(t, addr)
	if errno != 0 {
		return fs.Place{}, "", errno
	}
	pl, errno := k.resolve(t, dirfd, path, follow)
	return pl, path, errno
}

func (k *Kernel) resolve(t *proc.Thread, dirfd int64, path string, follow bool) (fs.Place, int64) {
	if path == "" {
		return fs.Place{}, -abi.ENOENT
	}
	base, beyond, errno := k.base(t, dirfd, path)
	if errno != 0 {
		return fs.Place{}, errno
	}
	if beyond != nil {
		if beyond.Path != "" {
			beyond.Path += "/"
		}
		beyond.Path += path
		return fs.Place{Beyond: beyond}, 0
	}
	k.current = t // for /proc/self
	k.FS.Wall = t.Process().Wall()
	pl, e := k.FS.Lookup(base, path, follow)
	return pl, -int64(e)
}

// existing is lookup for calls that need the node to be there: on this node, or on a
// server, which is the one to say so.
func (k *Kernel) existing(t *proc.Thread, dirfd int64, addr uint64, follow bool) (*fs.Node, *fs.Beyond, int64) {
	pl, _, errno := k.lookup(t, dirfd, addr, follow)
	if errno == 0 && pl.Node == nil && pl.Beyond == nil {
		errno = -abi.ENOENT
	}
	return pl.Node, pl.Beyond, errno
}

func arg32(v uint64) int64 { return int64(int32(v)) }

func sysOpen(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.open(t, c, &opening{atFDCWD, c.Args[0], int(c.Args[1]), uint32(c.Args[2])})
}

func sysCreat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.open(t, c, &opening{atFDCWD, c.Args[0], object.OCreat | object.OWronly | object.OTrunc, uint32(c.Args[1])})
}

func sysOpenat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.open(t, c, &opening{arg32(c.Args[0]), c.Args[1], int(c.Args[2]), uint32(c.Args[3])})
}

// opening is what open is asked for.
type opening struct {
	dirfd int64
	addr  uint64
	flags int
	mode  uint32
}

func (k *Kernel) open(t *proc.Thread, c *proc.Call, o *opening) int64 {
	if c.Phase == waitsForPeer {
		return k.fifoOpened(t, c)
	}
	dirfd, addr, flags, mode := o.dirfd, o.addr, o.flags, o.mode
	if k.Pressure != nil && k.Pressure() {
		return -abi.ENFILE
	}
	exclusive := flags&(object.OCreat|object.OExcl) == object.OCreat|object.OExcl
	follow := flags&object.ONofollow == 0 && !exclusive
	pl, path, errno := k.lookup(t, dirfd, addr, follow)
	if errno != 0 {
		return errno
	}
	p := t.Process()
	if pl.Beyond != nil {
		return k.askOpen(t, c, pl.Beyond, flags, mode&0o7777&^p.Umask)
	}
	n := pl.Node
	switch {
	case n == nil && flags&object.OCreat == 0:
		return -abi.ENOENT
	case n != nil && exclusive:
		return -abi.EEXIST
	case n == nil:
		var e int
		if n, e = k.FS.Create(pl, mode&^p.Umask); e != 0 {
			return -int64(e)
		}
	}
	impl, e := k.FS.Open(n, flags)
	if e != 0 {
		return -int64(e)
	}
	if n.IsDir() {
		if path, e = k.FS.Path(n); e != 0 {
			path = nameless
		}
	} else if path[0] != '/' {
		path = k.absolute(t, dirfd, path)
	}
	keep := object.OAccMode | object.OSettable | object.ODirectory | object.OPath
	f := object.NewFile(impl, flags&keep, path)
	if flags&object.ONoCTTY == 0 {
		k.adoptTerminal(p, f)
	}
	waits := false
	if fifo, ok := impl.(*fs.FIFO); ok {
		if e := fifo.Join(f); e != 0 {
			f.Flags |= object.OPath // it has no end
			f.Release()
			return -int64(e)
		}
		waits = !fifo.Opened(f)
	}
	fd := p.FDs.Add(f, 0, flags&object.OCloexec != 0, p.Limits[proc.LimitNofile].Cur)
	if fd < 0 {
		f.Release()
		return -abi.EMFILE
	}
	if waits {
		return k.awaitPeer(t, c, fd)
	}
	return int64(fd)
}

// absolute is the full name of a path, as well as it is known.
func (k *Kernel) absolute(t *proc.Thread, dirfd int64, path string) string {
	dir := t.Process().Cwd
	if int32(dirfd) != atFDCWD {
		if f := t.Process().FDs.Get(int32(dirfd)); f != nil {
			dir = f.Path
		}
	}
	if dir == "/" {
		dir = ""
	}
	if len(dir)+len(path) >= maxOpened {
		return nameless
	}
	return dir + "/" + path
}

// A file that was opened step by step, each relative to the last, would have a path
// as long as one likes, in the kernel's memory.
const (
	maxOpened = 4096
	nameless  = "(path too long)"
)

func sysAccess(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.access(t, atFDCWD, c.Args[0], true)
}

func sysFaccessat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.access(t, arg32(c.Args[0]), c.Args[1], true)
}

func sysFaccessat2(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.access(t, arg32(c.Args[0]), c.Args[1], c.Args[3]&atNoFollow == 0)
}

// access: every process is root, so what exists is accessible; execute
// permission still needs an x bit somewhere.
func (k *Kernel) access(t *proc.Thread, dirfd int64, addr uint64, follow bool) int64 {
	n, b, errno := k.existing(t, dirfd, addr, follow)
	switch {
	case errno != 0:
		return errno
	case b != nil:
		return k.askStat(t, servedAccess, b, follow)
	}
	return accessible(&t.Call, n.Mode)
}

func accessible(c *proc.Call, have uint32) int64 {
	const xOK = 1
	mode := c.Args[1]
	if c.Nr != abi.SysAccess {
		mode = c.Args[2]
	}
	if mode&xOK != 0 && have&object.ModeType != object.ModeDir && have&0o111 == 0 {
		return -abi.EACCES
	}
	return 0
}

func sysMkdir(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.mkdir(t, atFDCWD, c.Args[0], uint32(c.Args[1]))
}

func sysMkdirat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.mkdir(t, arg32(c.Args[0]), c.Args[1], uint32(c.Args[2]))
}

func (k *Kernel) mkdir(t *proc.Thread, dirfd int64, addr uint64, mode uint32) int64 {
	pl, _, errno := k.lookup(t, dirfd, addr, false)
	if errno != 0 {
		return errno
	}
	mode &^= t.Process().Umask
	if pl.Beyond != nil {
		return k.askPath(t, servedErrno, pl.Beyond, std.Header{Command: filesys.Mkdir, Size: mode & 0o7777}, nil)
	}
	return -int64(k.FS.Mkdir(pl, mode))
}

func sysRmdir(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.unlink(t, atFDCWD, c.Args[0], true)
}

func sysUnlink(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.unlink(t, atFDCWD, c.Args[0], false)
}

func sysUnlinkat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.unlink(t, arg32(c.Args[0]), c.Args[1], c.Args[2]&atRemoveDir != 0)
}

func (k *Kernel) unlink(t *proc.Thread, dirfd int64, addr uint64, dir bool) int64 {
	pl, _, errno := k.lookup(t, dirfd, addr, false)
	if errno != 0 {
		return errno
	}
	switch {
	case pl.Beyond != nil && dir:
		return k.askPath(t, servedErrno, pl.Beyond, std.Header{Command: filesys.Rmdir}, nil)
	case pl.Beyond != nil:
		return k.askPath(t, servedErrno, pl.Beyond, std.Header{Command: filesys.Unlink}, nil)
	case dir:
		return -int64(k.FS.Rmdir(pl))
	}
	return -int64(k.FS.Unlink(pl))
}

func sysRename(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.rename(t, atFDCWD, c.Args[0], atFDCWD, c.Args[1], 0)
}

func sysRenameat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.rename(t, arg32(c.Args[0]), c.Args[1], arg32(c.Args[2]), c.Args[3], 0)
}

func sysRenameat2(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.rename(t, arg32(c.Args[0]), c.Args[1], arg32(c.Args[2]), c.Args[3], c.Args[4])
}

func (k *Kernel) rename(t *proc.Thread, d1 int64, a1 uint64, d2 int64, a2 uint64, flags uint64) int64 {
	const noReplace = 1
	if flags&^noReplace != 0 {
		return -abi.EINVAL
	}
	from, _, errno := k.lookup(t, d1, a1, false)
	if errno != 0 {
		return errno
	}
	to, _, errno := k.lookup(t, d2, a2, false)
	if errno != 0 {
		return errno
	}
	if from.Beyond != nil || to.Beyond != nil {
		return k.askTwo(t, from.Beyond, to.Beyond, std.Header{Command: filesys.Rename, Extra: uint32(flags)})
	}
	return -int64(k.FS.Rename(from, to, flags&noReplace != 0))
}

func sysLink(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.link(t, atFDCWD, c.Args[0], atFDCWD, c.Args[1], 0)
}

func sysLinkat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.link(t, arg32(c.Args[0]), c.Args[1], arg32(c.Args[2]), c.Args[3], c.Args[4])
}

func (k *Kernel) link(t *proc.Thread, d1 int64, a1 uint64, d2 int64, a2, flags uint64) int64 {
	n, b, errno := k.existing(t, d1, a1, flags&atSymlinkFollow != 0)
	if errno != 0 {
		return errno
	}
	pl, _, errno := k.lookup(t, d2, a2, false)
	if errno != 0 {
		return errno
	}
	if b != nil || pl.Beyond != nil {
		h := std.Header{Command: filesys.Link}
		if flags&atSymlinkFollow != 0 {
			h.Extra = filesys.Follow
		}
		return k.askTwo(t, b, pl.Beyond, h)
	}
	return -int64(k.FS.Link(n, pl))
}

func sysSymlink(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.symlink(t, c.Args[0], atFDCWD, c.Args[1])
}

func sysSymlinkat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.symlink(t, c.Args[0], arg32(c.Args[1]), c.Args[2])
}

func (k *Kernel) symlink(t *proc.Thread, target uint64, dirfd int64, addr uint64) int64 {
	s, errno := k.text(t, target)
	if errno != 0 {
		return errno
	}
	if s == "" {
		return -abi.ENOENT
	}
	pl, _, errno := k.lookup(t, dirfd, addr, false)
	if errno != 0 {
		return errno
	}
	if pl.Beyond != nil {
		return k.askSymlink(t, pl.Beyond, s)
	}
	return -int64(k.FS.Symlink(pl, s))
}

func sysReadlink(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.readlink(t, atFDCWD, c.Args[0], c.Args[1], c.Args[2])
}

func sysReadlinkat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.readlink(t, arg32(c.Args[0]), c.Args[1], c.Args[2], c.Args[3])
}

func (k *Kernel) readlink(t *proc.Thread, dirfd int64, addr, buf, n uint64) int64 {
	node, b, errno := k.existing(t, dirfd, addr, false)
	switch {
	case errno != 0:
		return errno
	case int64(n) <= 0:
		return -abi.EINVAL
	case b != nil:
		return k.askPath(t, servedReadlink, b, std.Header{Command: filesys.Readlink}, nil)
	case !node.IsLink():
		return -abi.EINVAL
	}
	s := node.Target()
	s = s[:min(uint64(len(s)), n)]
	if errno := k.copyOut(t, buf, []byte(s)); errno != 0 {
		return errno
	}
	return int64(len(s))
}

func sysChmod(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.chmod(t, atFDCWD, c.Args[0], c.Args[1])
}

func sysFchmodat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.chmod(t, arg32(c.Args[0]), c.Args[1], c.Args[2])
}

func (k *Kernel) chmod(t *proc.Thread, dirfd int64, addr, mode uint64) int64 {
	n, b, errno := k.existing(t, dirfd, addr, true)
	switch {
	case errno != 0:
		return errno
	case b != nil:
		return k.askSet(t, b, filesys.Change{Mask: filesys.SetMode, Mode: uint32(mode)}, 0)
	}
	n.Mode = n.Mode&object.ModeType | uint32(mode)&0o7777
	return 0
}

func sysFchmod(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	if s, ok := servedFile(f); ok {
		return k.askSetFile(t, s, filesys.Change{Mask: filesys.SetMode, Mode: uint32(c.Args[1])})
	}
	if n := node(f); n != nil {
		n.Mode = n.Mode&object.ModeType | uint32(c.Args[1])&0o7777
	}
	return 0
}

// node is the file tree's node behind a descriptor, or nil.
func node(f *object.File) *fs.Node {
	switch x := f.Impl.(type) {
	case *fs.Regular:
		return x.Node
	case *fs.Dir:
		return x.Node
	case *fs.FIFO:
		return x.Node
	}
	return nil
}

// There is one user. Changing an owner to it succeeds.

func sysChown(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.chown(t, atFDCWD, c.Args[0], c.Nr == abi.SysChown)
}

func sysFchown(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if file(t, c.Args[0]) == nil {
		return -abi.EBADF
	}
	return 0
}

func sysFchownat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.chown(t, arg32(c.Args[0]), c.Args[1], c.Args[4]&atNoFollow == 0)
}

func (k *Kernel) chown(t *proc.Thread, dirfd int64, addr uint64, follow bool) int64 {
	_, b, errno := k.existing(t, dirfd, addr, follow)
	if b != nil {
		return k.askStat(t, servedThere, b, follow)
	}
	return errno
}

func sysChdir(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	n, b, errno := k.existing(t, atFDCWD, c.Args[0], true)
	switch {
	case errno != 0:
		return errno
	case b != nil:
		return k.askChdir(t, c, b)
	case !n.IsDir():
		return -abi.ENOTDIR
	}
	return k.enter(t, n)
}

// enter makes a directory the working directory: one that has a path.
func (k *Kernel) enter(t *proc.Thread, n *fs.Node) int64 {
	path, errno := k.FS.Path(n)
	if errno != 0 {
		return -int64(errno)
	}
	t.Process().Cwd = path
	return 0
}

func sysFchdir(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	if s, ok := servedFile(f); ok {
		return k.askChdir(t, c, &fs.Beyond{Dir: s.Cap, Root: s.Root})
	}
	d, ok := f.Impl.(*fs.Dir)
	if !ok {
		return -abi.ENOTDIR
	}
	return k.enter(t, d.Node)
}

func sysGetcwd(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	b := append([]byte(t.Process().Cwd), 0)
	if uint64(len(b)) > c.Args[1] {
		return -abi.ERANGE
	}
	if errno := k.copyOut(t, c.Args[0], b); errno != 0 {
		return errno
	}
	return int64(len(b))
}

func sysUtimensat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	var n *fs.Node
	var b *fs.Beyond
	if c.Args[1] == 0 {
		f := file(t, c.Args[0])
		if f == nil {
			return -abi.EBADF
		}
		if s, ok := servedFile(f); ok {
			b = &fs.Beyond{Dir: s.Cap, Root: s.Root}
		}
		n = node(f)
	} else {
		var errno int64
		if n, b, errno = k.existing(t, arg32(c.Args[0]), c.Args[1], c.Args[3]&atNoFollow == 0); errno != 0 {
			return errno
		}
	}
	ch, ok := k.times(t, c.Args[2])
	switch {
	case ok != 0:
		return ok
	case b != nil && c.Args[3]&atNoFollow != 0:
		return k.askSet(t, b, ch, filesys.NoFollow)
	case b != nil:
		return k.askSet(t, b, ch, 0)
	case n != nil && ch.Mask&filesys.SetMtime != 0:
		n.Mtime = ch.Mtime
	}
	return 0
}

// times reads what utimensat(2) is to set: the times of access and of change.
func (k *Kernel) times(t *proc.Thread, addr uint64) (ch filesys.Change, errno int64) {
	const now, omit = 0x3fffffff, 0x3ffffffe
	wall := t.Process().Wall()
	ch = filesys.Change{Mask: filesys.SetMtime | filesys.SetAtime, Mtime: wall, Atime: wall}
	if addr == 0 {
		return ch, 0
	}
	b := make([]byte, 32)
	if !k.copyIn(t, addr, b) {
		return ch, -abi.EFAULT
	}
	for i, to := range []struct {
		ns  *int64
		bit uint32
	}{{&ch.Atime, filesys.SetAtime}, {&ch.Mtime, filesys.SetMtime}} {
		switch ns := le.Uint64(b[16*i+8:]); ns {
		case now:
		case omit:
			ch.Mask &^= to.bit
		default:
			var ok bool
			if *to.ns, ok = parseTimespec(b[16*i:]); !ok {
				return ch, -abi.EINVAL
			}
		}
	}
	return ch, 0
}

func sysUtimes(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	n, b, errno := k.existing(t, atFDCWD, c.Args[0], true)
	now := t.Process().Wall()
	switch {
	case errno != 0:
		return errno
	case b != nil:
		return k.askSet(t, b, filesys.Change{Mask: filesys.SetMtime | filesys.SetAtime, Mtime: now, Atime: now}, 0)
	}
	n.Mtime = now
	return 0
}

func sysTruncate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	n, b, errno := k.existing(t, atFDCWD, c.Args[0], true)
	if errno != 0 {
		return errno
	}
	if b != nil {
		return k.askSet(t, b, filesys.Change{Mask: filesys.SetSize, Size: int64(c.Args[1])}, 0)
	}
	if n.IsFIFO() {
		return -abi.EINVAL
	}
	impl, e := k.FS.Open(n, object.OWronly)
	if e != 0 {
		return -int64(e)
	}
	f := object.NewFile(impl, object.OWronly, "")
	defer f.Release()
	return k.truncate(f, int64(c.Args[1]))
}

func sysFtruncate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	if !f.Writable() {
		return -abi.EINVAL
	}
	if s, ok := servedFile(f); ok {
		return k.askSetFile(t, s, filesys.Change{Mask: filesys.SetSize, Size: int64(c.Args[1])})
	}
	return k.truncate(f, int64(c.Args[1]))
}

func (k *Kernel) truncate(f *object.File, size int64) int64 {
	s, ok := f.Impl.(object.Seekable)
	switch {
	case !ok || size < 0:
		return -abi.EINVAL
	case size > 1<<40:
		return -abi.EFBIG
	}
	return -int64(s.Truncate(size))
}

func sysMknod(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.mknod(t, atFDCWD, c.Args[0], uint32(c.Args[1]))
}

func sysMknodat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.mknod(t, arg32(c.Args[0]), c.Args[1], uint32(c.Args[2]))
}

func (k *Kernel) mknod(t *proc.Thread, dirfd int64, addr uint64, mode uint32) int64 {
	kind := mode & object.ModeType
	if kind != 0 && kind != object.ModeReg && kind != object.ModeFIFO {
		return -abi.EPERM // devices are the kernel's, and there are no sockets
	}
	pl, _, errno := k.lookup(t, dirfd, addr, false)
	if errno != 0 {
		return errno
	}
	if mode &^= t.Process().Umask; pl.Beyond != nil {
		return k.askMknod(t, pl.Beyond, mode)
	}
	if kind == object.ModeFIFO {
		return -int64(k.FS.Mkfifo(pl, mode))
	}
	_, e := k.FS.Create(pl, mode)
	return -int64(e)
}
