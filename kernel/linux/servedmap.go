package linux

import (
	"motile/ipc/filesys"
	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Programs and mappings of files of servers. A page fault cannot wait for a server: what
// is mapped is fetched before, into the pages that the node keeps, and what is mapped is
// those pages as they are then. What may be written is a copy that goes back to the server
// (servedwrite.go).

// askProgram opens a program for execve.
func (k *Kernel) askProgram(t *proc.Thread, b *fs.Beyond, depth int) int64 {
	if depth > 0 {
		return -abi.ENOEXEC // the interpreter of a script would be another file to wait for
	}
	ret := k.askOpen(t, &t.Call, b, object.ORdonly, 0)
	if ret == -abi.EBLOCKED {
		t.Call.Phase = servedProgram
	}
	return ret
}

// servedProgram has the program's file. It is a descriptor that nobody sees, so that it
// moves with the process while its pages come; exec closes it, whatever comes of it.
func (k *Kernel) servedProgram(t *proc.Thread, c *proc.Call, a *object.Answer, found *filesys.Found) int64 {
	if _, _ = k.given(t, c); wants(t) {
		return -abi.EFAULT // before there is a descriptor
	}
	fd := k.openedFD(t, c, a, found)
	if fd < 0 {
		return -abi.EMFILE
	}
	t.Process().FDs.SetOpening(fd, true)
	c.Aux = [4]uint64{uint64(fd)}
	if found.Mode&object.ModeType != object.ModeReg || found.Mode&0o111 == 0 {
		t.Process().FDs.Abandon(fd)
		return -abi.EACCES
	}
	return k.goOnExec(t, c)
}

// goOnExec executes the program of a hidden descriptor as soon as it is here.
func (k *Kernel) goOnExec(t *proc.Thread, c *proc.Call) int64 {
	fds, fd := t.Process().FDs, int32(c.Aux[0])
	s, ok := servedFile(fds.Held(fd))
	if !ok || !fds.Opening(fd) {
		return -abi.EIO // an image may say anything
	}
	img, errno := k.given(t, c)
	if errno == 0 {
		errno = k.execServed(t, fds.Held(fd), s, img)
	}
	if errno != -abi.EBLOCKED && errno != -abi.ENORETURN && !wants(t) {
		fds.Abandon(fd)
	}
	return errno
}

// given reads what the caller of execve says of the program.
func (k *Kernel) given(t *proc.Thread, c *proc.Call) (*image, int64) {
	args := c.Args[:3]
	if c.Nr == abi.SysExecveat {
		args = c.Args[1:4]
	}
	name, errno := k.text(t, args[0])
	if errno != 0 {
		return nil, errno
	}
	img, errno := k.arguments(t, name, args[1], args[2])
	if errno == 0 {
		img.given = name
	}
	return img, errno
}

// execServed executes an open file of a server.
func (k *Kernel) execServed(t *proc.Thread, f *object.File, s *object.Served, img *image) int64 {
	st, errno := k.still(t, s, 0, vm.MaxStore)
	if errno != 0 {
		return errno
	}
	defer st.Release() // the program's regions have it by then
	img.path = f.Path
	if errno = k.program(t, st, img, 0); errno != 0 {
		return errno
	}
	return k.exec(t, img)
}

// still is a file as it is now. If some of it is not here, that is asked for.
func (k *Kernel) still(t *proc.Thread, s *object.Served, off, n int64) (*vm.Store, int64) {
	c, op := &t.Call, k.op(t)
	st, missing := s.Known.Still(op.Now, off, n)
	switch {
	case st != nil:
		return st, 0
	case op.Link == nil:
		return nil, -abi.EIO
	}
	missing &^= vm.PageBytes - 1
	asked, vain := c.Aux[1]&^(vm.PageBytes-1), c.Aux[1]%vm.PageBytes
	if asked == uint64(missing) {
		if vain++; vain > maxVain {
			return nil, -abi.ETXTBSY // others write it, or there is no memory to keep it in
		}
	}
	c.Aux[1] = uint64(missing) | vain
	s.AskPages(op, missing)
	c.Phase = servedPages
	return nil, -abi.EBLOCKED
}

// maxVain is how often the same is asked for. Aux[1] has that in the low bits, and else
// where the page begins.
const maxVain = 8

// servedPages keeps pages that have come, and goes on.
func (k *Kernel) servedPages(t *proc.Thread, c *proc.Call, a *object.Answer) int64 {
	fds, fd := t.Process().FDs, int32(c.Args[4])
	exec := c.Nr == abi.SysExecve || c.Nr == abi.SysExecveat
	hidden := exec && fds.Opening(int32(c.Aux[0]))
	switch {
	case hidden:
		fd = int32(c.Aux[0])
	case exec: // of a descriptor (AT_EMPTY_PATH)
		fd = int32(c.Args[0])
	}
	s, ok := servedFile(fds.Held(fd))
	if !ok || int64(c.Aux[1]) < 0 || !s.FillPages(k.op(t), a, int64(c.Aux[1])&^(vm.PageBytes-1)) {
		return -abi.EBADF
	}
	if hidden {
		return k.goOnExec(t, c)
	}
	k.paths = 0
	return calls[c.Nr](k, t, c)
}

// mapServed is mapFile for a file of a server.
func (k *Kernel) mapServed(t *proc.Thread, c *proc.Call, f *object.File, s *object.Served, r *vm.Region) int64 {
	switch {
	case s.IsDir():
		return -abi.ENODEV
	case !f.Readable(), r.Shared && r.Prot&vm.ProtWrite != 0 && !f.Writable():
		return -abi.EACCES
	case r.Shared && s.Mapped != nil: // also for reading: who has written there reads it
		return k.mapAgain(s, r)
	case r.Shared && r.Prot&vm.ProtWrite != 0:
		return k.mapWritable(t, f, s, r)
	}
	st, errno := k.still(t, s, r.Off, int64(min(c.Args[1], vm.MaxStore)))
	if errno != 0 {
		return errno
	}
	r.Store = st
	return 0
}
