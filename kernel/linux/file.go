package linux

import (
	"encoding/binary"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/proc"
)

// Descriptors and what is done with open files.

func sysClose(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if !t.Process().FDs.Close(int32(c.Args[0])) {
		return -abi.EBADF
	}
	return 0
}

func sysCloseRange(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const unshare, cloexec = 2, 4
	p := t.Process()
	first, last := c.Args[0]&0xffffffff, c.Args[1]&0xffffffff
	if first > last || c.Args[2]&^(unshare|cloexec) != 0 {
		return -abi.EINVAL
	}
	for fd := first; fd <= last && fd < uint64(p.FDs.Len()); fd++ {
		if c.Args[2]&cloexec == 0 {
			p.FDs.Close(int32(fd))
		} else if e := p.FDs.Entry(int32(fd)); e != nil {
			e.Cloexec = true
		}
	}
	return 0
}

func sysDup(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.dup(t, c.Args[0], 0, false)
}

func (k *Kernel) dup(t *proc.Thread, fd, from uint64, cloexec bool) int64 {
	p := t.Process()
	f := file(t, fd)
	if f == nil {
		return -abi.EBADF
	}
	limit := p.Limits[proc.LimitNofile].Cur
	if from >= min(limit, proc.MaxFDs) {
		return -abi.EINVAL
	}
	f.Retain()
	n := p.FDs.Add(f, int32(from), cloexec, limit)
	if n < 0 {
		f.Release()
		return -abi.EMFILE
	}
	return int64(n)
}

func sysDup2(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if file(t, c.Args[0]) != nil && int32(c.Args[0]) == int32(c.Args[1]) {
		return arg32(c.Args[1])
	}
	return k.dupTo(t, c.Args[0], c.Args[1], false)
}

func sysDup3(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if int32(c.Args[0]) == int32(c.Args[1]) || c.Args[2]&^uint64(object.OCloexec) != 0 {
		return -abi.EINVAL
	}
	return k.dupTo(t, c.Args[0], c.Args[1], c.Args[2] != 0)
}

func (k *Kernel) dupTo(t *proc.Thread, from, to uint64, cloexec bool) int64 {
	p := t.Process()
	f := file(t, from)
	if f == nil || uint64(uint32(to)) >= min(p.Limits[proc.LimitNofile].Cur, proc.MaxFDs) {
		return -abi.EBADF
	}
	if p.FDs.Opening(int32(to)) {
		return -abi.EBUSY
	}
	f.Retain()
	p.FDs.Set(int32(to), f, cloexec)
	return arg32(to)
}

// fcntl commands (fcntl(2)).
const (
	fDupFD        = 0
	fGetFD        = 1
	fSetFD        = 2
	fGetFL        = 3
	fSetFL        = 4
	fDupFDCloexec = 1030
	fSetPipeSize  = 1031
	fGetPipeSize  = 1032
	fdCloexec     = 1
	oLargefile    = 0x8000
)

func sysFcntl(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	e := t.Process().FDs.Entry(int32(c.Args[0]))
	if e == nil {
		return -abi.EBADF
	}
	arg := c.Args[2]
	switch c.Args[1] {
	case fDupFD:
		return k.dup(t, c.Args[0], arg, false)
	case fDupFDCloexec:
		return k.dup(t, c.Args[0], arg, true)
	case fGetFD:
		if e.Cloexec {
			return fdCloexec
		}
		return 0
	case fSetFD:
		e.Cloexec = arg&fdCloexec != 0
		return 0
	case fGetFL:
		if ret := k.statusFlags(t, c, e.File, 0, 0); ret != 0 {
			return ret
		}
		return int64(e.File.Flags) | oLargefile
	case fSetFL:
		return k.statusFlags(t, c, e.File, object.OSettable, int(arg))
	case fGetLK, fSetLK, fSetLKW, fOFDGetLK, fOFDSetLK, fOFDSetLKW:
		return k.fcntlLock(t, c, e.File)
	case fGetPipeSize, fSetPipeSize:
		switch e.File.Impl.(type) {
		case *object.Pipe, *fs.FIFO:
			return object.PipeSize
		}
		return -abi.EBADF
	}
	return -abi.EINVAL
}

// statusFlags changes status flags, and finds out what they are, where the description
// is. It returns 0, or that the call waits.
func (k *Kernel) statusFlags(t *proc.Thread, c *proc.Call, f *object.File, which, to int) int64 {
	r, distant := f.Impl.(*object.Remote)
	switch {
	case c.Answer != nil:
		if object.FlagsSet(k.op(t), f) {
			return 0
		}
	case c.Slot != 0:
		return -abi.EBLOCKED
	case distant && r.Counted:
		r.SetFlags(k.op(t), which, to)
		return -abi.EBLOCKED
	}
	f.SetFlags(which, to)
	return 0
}

func sysLseek(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil || f.Flags&object.OPath != 0 {
		return -abi.EBADF
	}
	if c.Args[2] > seekHole {
		return -abi.EINVAL
	}
	if !seekable(f) {
		return -abi.ESPIPE
	}
	if c.Slot != 0 && c.Answer == nil {
		return -abi.EBLOCKED // asked another node; the answer is under way
	}
	if c.Answer != nil { // of a node that had the file, which may be here by now
		off, errno := object.Sought(k.op(t))
		if errno != 0 {
			return -int64(errno)
		}
		return off
	}
	if r, ok := f.Impl.(*object.Remote); ok {
		if c.Args[2] > seekEnd {
			return -abi.EINVAL
		}
		r.Seek(k.op(t), int64(c.Args[1]), uint32(c.Args[2]))
		return -abi.EBLOCKED
	}
	size := int64(0)
	switch s := f.Impl.(type) {
	case object.Seekable:
		size = s.Size()
	case *object.Served:
		if s.Shared != nil && !s.IsDir() {
			return k.askSeek(t, s, c)
		}
		if size = s.Known.Attr.Size; c.Args[2] >= seekEnd && !s.Known.Believed(k.Tab.Now) {
			return k.askFile(t, servedSeek, s, std.Header{Command: filesys.Stat}, nil)
		}
	}
	return seek(f, size, int64(c.Args[1]), c.Args[2])
}

// How lseek(2) counts: from where.
const (
	seekSet = iota
	seekCur
	seekEnd
	seekData
	seekHole
)

// seek moves the offset of a description of a file that is size bytes long.
func seek(f *object.File, size, off int64, whence uint64) int64 {
	switch whence {
	case seekSet:
	case seekCur:
		off += f.Offset
	case seekEnd:
		off += size
	case seekData, seekHole:
		if off < 0 || off >= size {
			return -abi.ENXIO
		}
		if whence == seekHole {
			off = size
		}
	default:
		return -abi.EINVAL
	}
	if off < 0 {
		return -abi.EINVAL
	}
	f.Offset = off
	return off
}

func sysPipe(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.pipe(t, c.Args[0], 0) }
func sysPipe2(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1]&^uint64(object.OCloexec|object.ONonblock) != 0 {
		return -abi.EINVAL
	}
	return k.pipe(t, c.Args[0], int(c.Args[1]))
}

func (k *Kernel) pipe(t *proc.Thread, addr uint64, flags int) int64 {
	if k.Pressure != nil && k.Pressure() {
		return -abi.ENFILE
	}
	r, w := object.NewPipe(flags & object.ONonblock)
	return k.installPair(t, addr, r, w, flags)
}

// installPair gives a process two descriptions at once, and tells it the descriptors.
func (k *Kernel) installPair(t *proc.Thread, addr uint64, r, w *object.File, flags int) int64 {
	p := t.Process()
	limit, cloexec := p.Limits[proc.LimitNofile].Cur, flags&object.OCloexec != 0
	fr := p.FDs.Add(r, 0, cloexec, limit)
	if fr < 0 {
		r.Release()
		w.Release()
		return -abi.EMFILE
	}
	fw := p.FDs.Add(w, 0, cloexec, limit)
	if fw < 0 {
		p.FDs.Close(fr)
		w.Release()
		return -abi.EMFILE
	}
	b := le.AppendUint32(le.AppendUint32(nil, uint32(fr)), uint32(fw))
	if errno := k.copyOut(t, addr, b); errno != 0 {
		p.FDs.Close(fr)
		p.FDs.Close(fw)
		return errno
	}
	return 0
}

func sysEventfd(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.eventfd(t, uint32(c.Args[0]), 0)
}

func sysEventfd2(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.eventfd(t, uint32(c.Args[0]), int(c.Args[1]))
}

func (k *Kernel) eventfd(t *proc.Thread, count uint32, flags int) int64 {
	const semaphore = 1
	if flags&^(semaphore|object.ONonblock|object.OCloexec) != 0 {
		return -abi.EINVAL
	}
	e := &object.Eventfd{Count: uint64(count), Semaphore: flags&semaphore != 0}
	return k.install(t, object.NewFile(e, object.ORdwr|flags&object.ONonblock, "anon_inode:[eventfd]"), flags)
}

// install gives the caller a descriptor for a new file, whose reference it takes.
func (k *Kernel) install(t *proc.Thread, f *object.File, flags int) int64 {
	p := t.Process()
	if k.Pressure != nil && k.Pressure() {
		f.Release()
		return -abi.ENFILE
	}
	fd := p.FDs.Add(f, 0, flags&object.OCloexec != 0, p.Limits[proc.LimitNofile].Cur)
	if fd < 0 {
		f.Release()
		return -abi.EMFILE
	}
	return int64(fd)
}

func sysFsync(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	if s, ok := servedFile(f); ok {
		return k.askFile(t, servedErrno, s, std.Header{Command: filesys.Sync}, nil)
	}
	return 0
}

// sysSync has the file servers that the node has mounted bring what they have to stable
// storage, one after the other, in the order of their ports: the record keeps the last, for
// the process may go on where other servers are mounted. That one of them could not is not
// said (sync(2)).
func sysSync(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	var last capability.Port
	binary.BigEndian.PutUint64(last[:8], c.Aux[0])
	binary.BigEndian.PutUint64(last[8:], c.Aux[1])
	dir, ok := k.FS.ServerAfter(last)
	if !ok {
		return 0
	}
	c.Aux[0], c.Aux[1] = binary.BigEndian.Uint64(dir.Port[:8]), binary.BigEndian.Uint64(dir.Port[8:])
	if r := k.askPath(t, servedSynced, &fs.Beyond{Dir: dir, Root: dir.Object}, std.Header{Command: filesys.Sync}, nil); r != -abi.EBLOCKED {
		return 0
	}
	return -abi.EBLOCKED
}

// sysAdvice is for calls that may have no effect.
func sysAdvice(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if file(t, c.Args[0]) == nil {
		return -abi.EBADF
	}
	return 0
}

func sysFallocate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil || !f.Writable() {
		return -abi.EBADF
	}
	end := int64(c.Args[2] + c.Args[3])
	if s, ok := servedFile(f); ok && c.Args[1] == 0 {
		return k.askSetFile(t, s, filesys.Change{Mask: filesys.SetSize | filesys.Grow, Size: end})
	}
	s, ok := f.Impl.(object.Seekable)
	if !ok || c.Args[1] != 0 {
		return -abi.EOPNOTSUPP
	}
	if end > s.Size() {
		return k.truncate(f, end)
	}
	return 0
}

// sysSendfile says what Linux says of files that it cannot do this with: callers fall
// back to read and write.
func sysSendfile(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return -abi.EINVAL }

func sysGetdents64(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	limit := int(min(c.Args[2], 64<<10))
	if s, ok := servedFile(f); ok {
		return k.askList(t, f, s, limit)
	}
	dir, ok := f.Impl.(*fs.Dir)
	if !ok {
		return -abi.ENOTDIR
	}
	k.current = t
	d := dirents{limit: limit, next: f.Offset}
	dir.List(f.Offset, d.add)
	return k.giveDirents(t, c, f, &d)
}

// dirents is a list of entries as getdents64(2) returns it.
type dirents struct {
	limit int
	out   []byte
	next  int64 // offset of what follows
	full  bool  // something did not fit
}

// add puts an entry into the list. It reports false if it does not fit.
func (d *dirents) add(e fs.Entry) bool {
	const header = 19 // d_ino, d_off, d_reclen, d_type
	n := (header + len(e.Name) + 1 + 7) &^ 7
	if len(d.out)+n > d.limit {
		d.full = true
		return false
	}
	d.out = append(d.out, words(e.Ino, uint64(e.Next))...)
	d.out = le.AppendUint16(d.out, uint16(n))
	d.out = append(d.out, byte(e.Type>>12))
	d.out = append(d.out, e.Name...)
	d.out = append(d.out, make([]byte, n-header-len(e.Name))...)
	d.next = e.Next
	return true
}

// giveDirents ends a getdents64.
func (k *Kernel) giveDirents(t *proc.Thread, c *proc.Call, f *object.File, d *dirents) int64 {
	if d.full && len(d.out) == 0 {
		return -abi.EINVAL
	}
	if errno := k.copyOut(t, c.Args[1], d.out); errno != 0 {
		return errno
	}
	f.Offset = d.next
	return int64(len(d.out))
}

func sysStat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.statPath(t, atFDCWD, c.Args[0], c.Args[1], 0)
}

func sysLstat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.statPath(t, atFDCWD, c.Args[0], c.Args[1], atNoFollow)
}

func sysFstat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	if s, ok := servedFile(f); ok {
		return k.askFile(t, servedStat, s, std.Header{Command: filesys.Stat}, nil)
	}
	return k.copyOut(t, c.Args[1], stat(f.Impl.Stat()))
}

func sysNewfstatat(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.statPath(t, arg32(c.Args[0]), c.Args[1], c.Args[2], c.Args[3])
}

func (k *Kernel) statPath(t *proc.Thread, dirfd int64, addr, buf, flags uint64) int64 {
	s, errno := k.statAt(t, dirfd, addr, flags)
	if errno != 0 {
		return errno
	}
	return k.copyOut(t, buf, stat(s))
}

func (k *Kernel) statAt(t *proc.Thread, dirfd int64, addr, flags uint64) (object.Stat, int64) {
	path, errno := k.path(t, addr)
	if errno != 0 && !(addr == 0 && flags&atEmptyPath != 0) {
		return object.Stat{}, errno
	}
	if path == "" && flags&atEmptyPath != 0 && int32(dirfd) != atFDCWD {
		f := t.Process().FDs.Get(int32(dirfd))
		if f == nil {
			return object.Stat{}, -abi.EBADF
		}
		if s, ok := servedFile(f); ok {
			return object.Stat{}, k.askFile(t, servedStat, s, std.Header{Command: filesys.Stat}, nil)
		}
		return f.Impl.Stat(), 0
	}
	pl, errno := k.resolve(t, dirfd, path, flags&atNoFollow == 0)
	if errno == 0 && pl.Beyond != nil {
		return object.Stat{}, k.askStat(t, servedStat, pl.Beyond, flags&atNoFollow == 0)
	}
	if errno == 0 && pl.Node == nil {
		errno = -abi.ENOENT
	}
	if errno != 0 {
		return object.Stat{}, errno
	}
	return pl.Node.Stat(), 0
}

func sysStatx(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	s, errno := k.statAt(t, arg32(c.Args[0]), c.Args[1], c.Args[2])
	if errno != 0 {
		return errno
	}
	return k.copyOut(t, c.Args[4], statx(s))
}

func sysStatfs(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	_, b, errno := k.existing(t, atFDCWD, c.Args[0], true)
	switch {
	case errno != 0:
		return errno
	case b != nil:
		return k.askSpace(t, b)
	}
	return k.copyOut(t, c.Args[1], statfs(k.TotalPages(), k.FreePages()))
}

func sysFstatfs(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	if s, ok := servedFile(f); ok {
		return k.askSpace(t, &fs.Beyond{Dir: s.Cap, Root: s.Root})
	}
	return k.copyOut(t, c.Args[1], statfs(k.TotalPages(), k.FreePages()))
}

func sysMemfdCreate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	name, errno := k.path(t, c.Args[0])
	if errno != 0 {
		return errno
	}
	const cloexec = 1
	f := object.NewFile(k.FS.Anonymous(), object.ORdwr, "/memfd:"+name)
	flags := 0
	if c.Args[1]&cloexec != 0 {
		flags = object.OCloexec
	}
	return k.install(t, f, flags)
}
