package linux

import (
	"path"

	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/proc"
)

// Calls whose answer a file server gives: their path leads below a mount, or their
// descriptor is of a file there. The question is asked once, in the thread's own
// transaction; the record's phase says what the answer is to be made of, on whatever
// node the process is when it comes.
const (
	servedFirst = 0x40 + iota
	servedErrno // nothing
	servedThere // nothing: the file exists
	servedOpen
	servedStat
	servedAccess
	servedReadlink
	servedChdir
	servedList
	servedSeek
	servedSpace
	servedSought  // where an offset is that the server keeps
	servedProgram // a program that is to be executed was opened
	servedPages   // pages of it, or of a file that is to be mapped
	servedWritten // pages of a mapping were written back
	servedSynced  // one of the servers has synced what it has
)

// AsksServer reports whether a call in a phase waits for a file server.
func AsksServer(phase uint8) bool { return phase > servedFirst }

// maxLeads is how often a path may lead from a server back to the node, and on.
const maxLeads = 40

// lead is what stands for a path that a call was given: a server has said where it goes on.
type lead struct {
	which int // of the call's paths
	path  string
}

// served goes on with a call that was asked of a server.
func (k *Kernel) served(t *proc.Thread, c *proc.Call) int64 {
	if c.Answer == nil {
		return -abi.EBLOCKED // a signal's handler runs on top
	}
	op := k.op(t)
	a, errno := object.ServedAnswer(op)
	if a.Status == std.OK {
		k.Files.Heard(a.Header.Port, a.At)
	}
	phase := c.Phase
	c.Phase = 0
	switch {
	case phase == servedWritten:
		return k.writtenBack(t, c, &a)
	case phase == servedSynced:
		return sysSync(k, t, c)
	case errno == filesys.Leave:
		return k.goOn(t, c, &a)
	case errno != 0:
		return -int64(errno)
	}
	switch phase {
	case servedPages:
		return k.servedPages(t, c, &a)
	case servedSought:
		return int64(a.Header.Offset)
	case servedErrno:
		return 0
	case servedReadlink:
		return k.servedReadlink(t, c, a.Data)
	case servedList:
		return k.servedList(t, c, a.Data)
	case servedSpace:
		return k.servedSpace(t, c, a.Data)
	}
	found, ok := filesys.DecodeFound(a.Data)
	if !ok {
		return -abi.EIO
	}
	switch phase {
	case servedThere:
		return 0
	case servedOpen:
		return k.servedOpen(t, c, &a, &found)
	case servedProgram:
		return k.servedProgram(t, c, &a, &found)
	case servedStat:
		return k.servedStat(t, c, &found)
	case servedAccess:
		return accessible(c, found.Mode)
	case servedChdir:
		return k.servedChdir(t, c, &a, &found)
	case servedSeek:
		return k.servedSeek(t, c, &found)
	}
	return -abi.EIO // an image may say anything
}

// goOn looks a path up that has left its server: where it leads now.
func (k *Kernel) goOn(t *proc.Thread, c *proc.Call, a *object.Answer) int64 {
	w, ok := filesys.DecodeWay(a.Data)
	if !ok || calls[c.Nr] == nil {
		return -abi.EIO
	}
	if c.Done++; c.Done > maxLeads {
		return -abi.ELOOP
	}
	if w.Path[0] != '/' {
		at := k.FS.MountPath(a.Header.Port, w.Root)
		if at == "" {
			return -abi.ENOENT
		}
		w.Path = path.Dir(at) + "/" + w.Path
	}
	k.lead, k.paths = lead{int(w.Which), w.Path}, 0
	return calls[c.Nr](k, t, c)
}

// askPath asks a server about a place below a mount. before is what goes into the data
// in front of the place, after what goes behind it.
func (k *Kernel) askPath(t *proc.Thread, phase uint8, b *fs.Beyond, h std.Header, before []byte, after ...byte) int64 {
	op := k.op(t)
	if op.Link == nil {
		return -abi.EIO
	}
	if len(b.Path) >= filesys.MaxPath {
		return -abi.ENAMETOOLONG
	}
	p := filesys.Place{Root: b.Root, Path: b.Path}
	object.AskServer(op, b.Dir, &h, append(p.Append(before), after...))
	t.Call.Phase = phase
	return -abi.EBLOCKED
}

// servedFile is the file of a descriptor if a server has it.
func servedFile(f *object.File) (*object.Served, bool) {
	if f == nil {
		return nil, false
	}
	s, ok := f.Impl.(*object.Served)
	return s, ok
}

// askFile asks about an open file as askPath does about a place.
func (k *Kernel) askFile(t *proc.Thread, phase uint8, s *object.Served, h std.Header, before []byte) int64 {
	return k.askPath(t, phase, &fs.Beyond{Dir: s.Cap, Root: s.Root}, h, before)
}

// askSet asks for mode, times or size to be changed.
func (k *Kernel) askSet(t *proc.Thread, b *fs.Beyond, c filesys.Change, noFollow uint32) int64 {
	return k.askPath(t, servedErrno, b, std.Header{Command: filesys.Set, Extra: noFollow}, c.Append(nil))
}

func (k *Kernel) askSetFile(t *proc.Thread, s *object.Served, c filesys.Change) int64 {
	return k.askSet(t, &fs.Beyond{Dir: s.Cap, Root: s.Root}, c, 0)
}

func (k *Kernel) askStat(t *proc.Thread, phase uint8, b *fs.Beyond, follow bool) int64 {
	h := std.Header{Command: filesys.Stat}
	if !follow {
		h.Extra = filesys.NoFollow
	}
	return k.askPath(t, phase, b, h, nil)
}

// askTwo asks for what is done with two names of one server.
func (k *Kernel) askTwo(t *proc.Thread, from, to *fs.Beyond, h std.Header) int64 {
	op := k.op(t)
	switch {
	case from == nil || to == nil || from.Dir.Port != to.Dir.Port:
		return -abi.EXDEV
	case op.Link == nil:
		return -abi.EIO
	case max(len(from.Path), len(to.Path)) >= filesys.MaxPath:
		return -abi.ENAMETOOLONG
	}
	q := filesys.Two{From: filesys.Place{Root: from.Root, Path: from.Path}, Object: to.Dir.Object, Rights: uint32(to.Dir.Rights),
		Check: to.Dir.Check, To: filesys.Place{Root: to.Root, Path: to.Path}}
	object.AskServer(op, from.Dir, &h, q.Append(nil))
	t.Call.Phase = servedErrno
	return -abi.EBLOCKED
}

func (k *Kernel) askSymlink(t *proc.Thread, b *fs.Beyond, target string) int64 {
	return k.askPath(t, servedErrno, b, std.Header{Command: filesys.Symlink}, nil, []byte(target)...)
}

// askMknod makes an empty file. A server has no FIFOs: they are of one node.
func (k *Kernel) askMknod(t *proc.Thread, b *fs.Beyond, mode uint32) int64 {
	if mode&object.ModeType == object.ModeFIFO {
		return -abi.EPERM
	}
	o := filesys.Opener{}
	h := std.Header{Command: filesys.Open, Extra: object.OCreat | object.OExcl | object.OPath, Size: mode & 0o7777}
	return k.askPath(t, servedErrno, b, h, o.Append(nil))
}

// askOpen asks for a file to be opened. The record keeps under which number of which
// node: the answer may find the process on another one.
func (k *Kernel) askOpen(t *proc.Thread, c *proc.Call, b *fs.Beyond, flags int, mode uint32) int64 {
	k.Files.Asked(b.Dir.Port, k.Tab.Now)
	o := k.Files.Opener()
	c.Aux[0], c.Aux[1], c.Aux[2], c.Aux[3] = o.Seq, o.Boot, b.Root, uint64(o.Node)<<32|uint64(uint32(flags))
	h := std.Header{Command: filesys.Open, Extra: uint32(flags), Size: mode}
	return k.askPath(t, servedOpen, b, h, o.Append(nil))
}

// servedOpen makes a descriptor of what open has brought.
func (k *Kernel) servedOpen(t *proc.Thread, c *proc.Call, a *object.Answer, found *filesys.Found) int64 {
	fd := k.openedFD(t, c, a, found)
	if fd < 0 {
		return -abi.EMFILE
	}
	return int64(fd)
}

// openedFD makes a descriptor of what open has brought, or -1.
func (k *Kernel) openedFD(t *proc.Thread, c *proc.Call, a *object.Answer, found *filesys.Found) int32 {
	p, flags, root := t.Process(), int(uint32(c.Aux[3])), c.Aux[2]
	s := k.Files.Opened(a.Header.Capability(), root, found, filesys.Opener{Node: uint32(c.Aux[3] >> 32), Boot: c.Aux[1], Seq: c.Aux[0]})
	s.Known.Keeps(&a.Header)
	name := k.servedPath(a, root, found)
	keep := object.OAccMode | object.OSettable | object.ODirectory | object.OPath
	f := object.NewFile(s, flags&keep, name)
	fd := p.FDs.Add(f, 0, flags&object.OCloexec != 0, p.Limits[proc.LimitNofile].Cur)
	if fd < 0 {
		f.Release()
	}
	return fd
}

// servedPath is the name in this node's tree of what a path has led to.
func (k *Kernel) servedPath(a *object.Answer, root uint64, found *filesys.Found) string {
	at := k.FS.MountPath(a.Header.Port, root)
	switch {
	case at == "":
		return nameless
	case found.Path == "":
		return at
	case len(at)+len(found.Path) >= maxOpened:
		return nameless
	}
	return path.Join(at, found.Path)
}

func (k *Kernel) servedStat(t *proc.Thread, c *proc.Call, found *filesys.Found) int64 {
	s := object.ServedStat(&found.Attr)
	switch c.Nr {
	case abi.SysStatx:
		return k.copyOut(t, c.Args[4], statx(s))
	case abi.SysNewfstatat:
		return k.copyOut(t, c.Args[2], stat(s))
	}
	return k.copyOut(t, c.Args[1], stat(s))
}

func (k *Kernel) servedReadlink(t *proc.Thread, c *proc.Call, target []byte) int64 {
	buf, n := c.Args[1], c.Args[2]
	if c.Nr == abi.SysReadlinkat {
		buf, n = c.Args[2], c.Args[3]
	}
	target = target[:min(uint64(len(target)), n)]
	if errno := k.copyOut(t, buf, target); errno != 0 {
		return errno
	}
	return int64(len(target))
}

// askChdir asks whether a place is a directory, and what its path is.
func (k *Kernel) askChdir(t *proc.Thread, c *proc.Call, b *fs.Beyond) int64 {
	c.Aux[2] = b.Root
	return k.askStat(t, servedChdir, b, true)
}

func (k *Kernel) servedChdir(t *proc.Thread, c *proc.Call, a *object.Answer, found *filesys.Found) int64 {
	if found.Mode&object.ModeType != object.ModeDir {
		return -abi.ENOTDIR
	}
	name := k.servedPath(a, c.Aux[2], found)
	if name == nameless {
		return -abi.ENOENT
	}
	t.Process().Cwd = name
	return 0
}

// askList asks for entries of a directory. An entry takes less on the way than in the
// caller's memory.
func (k *Kernel) askList(t *proc.Thread, f *object.File, s *object.Served, limit int) int64 {
	op := k.op(t)
	if op.Link == nil {
		return -abi.EIO
	}
	const smaller = 2 // 19 bytes and the name; there, 20 and the name, rounded up to 8
	s.Ask(op, &std.Header{Command: filesys.List, Offset: uint64(f.Offset), Size: uint32(limit / smaller)}, nil)
	t.Call.Phase = servedList
	return -abi.EBLOCKED
}

func (k *Kernel) servedList(t *proc.Thread, c *proc.Call, data []byte) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	d := dirents{limit: int(min(c.Args[2], 64<<10)), next: f.Offset}
	for len(data) > 0 {
		e, rest, ok := filesys.DecodeEntry(data)
		if !ok {
			return -abi.EIO
		}
		if !d.add(fs.Entry{Name: e.Name, Ino: object.ServedIno(e.Object), Type: uint32(e.Type) << 12, Next: int64(e.Next)}) {
			break
		}
		data = rest
	}
	return k.giveDirents(t, c, f, &d)
}

// servedSeek ends an lseek that depends on the file's size.
func (k *Kernel) servedSeek(t *proc.Thread, c *proc.Call, found *filesys.Found) int64 {
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	return seek(f, found.Size, int64(c.Args[1]), c.Args[2])
}

// askSeek moves an offset that the server keeps.
func (k *Kernel) askSeek(t *proc.Thread, s *object.Served, c *proc.Call) int64 {
	op := k.op(t)
	switch {
	case op.Link == nil:
		return -abi.EIO
	case c.Args[2] > seekEnd:
		return -abi.EINVAL
	}
	s.Ask(op, &std.Header{Command: filesys.Seek, Offset: c.Args[1], Size: uint32(c.Args[2])}, s.Shared.Append(nil))
	c.Phase = servedSought
	return -abi.EBLOCKED
}

// askSpace asks how much space a server has.
func (k *Kernel) askSpace(t *proc.Thread, b *fs.Beyond) int64 {
	return k.askPath(t, servedSpace, b, std.Header{Command: filesys.Space}, nil)
}

func (k *Kernel) servedSpace(t *proc.Thread, c *proc.Call, data []byte) int64 {
	r, ok := filesys.DecodeRoom(data)
	if !ok {
		return -abi.EIO
	}
	const page = abi.PageSize
	return k.copyOut(t, c.Args[1], statfs(r.Total/page, r.Free/page))
}
