package object

import (
	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Served is a file or directory of a file server, opened. What is to be done with it is
// asked of the server, in transactions of the process, to the capability that open has
// brought: so it moves with the process, and nothing of it stays.
type Served struct {
	Cap   capability.Capability
	Root  uint64 // directory at which the name space began in which it was opened
	Known *Known // what this node knows of the file
}

// Ask sends a request about the file to its server.
func (s *Served) Ask(op *Op, h *std.Header, data []byte) {
	AskServer(op, s.Cap, h, data)
}

// AskServer sends a request to the server of a capability.
func AskServer(op *Op, c capability.Capability, h *std.Header, data []byte) {
	q := *h
	q.SetCapability(c)
	op.Link.Ask(flip.Address{}, &q, data)
}

// served is the error number in an answer of a file server: what cannot be reached is
// EIO, and what the capability does not allow EACCES.
func served(a *Answer) int {
	switch st := a.Header.Status(); {
	case a.Status != std.OK:
		return abi.EIO
	case st == std.Denied:
		return abi.EACCES
	case st != std.OK:
		return abi.ESTALE
	}
	return int(a.Header.Extra)
}

// ServedAnswer takes the answer to what AskServer has asked.
func ServedAnswer(op *Op) (a Answer, errno int) {
	a, ok := op.Link.Answer()
	if !ok {
		return a, abi.EIO
	}
	return a, served(&a)
}

// Read implements Impl. The offset of a description moves when the request leaves, so
// that two threads who share it do not read the same.
func (s *Served) Read(op *Op, f *File, off int64) int {
	if s.IsDir() {
		return abi.EISDIR
	}
	n := min(op.Buf.Left(), filesys.MaxData)
	if n == 0 {
		return faultError(op)
	}
	if a, ok := op.Link.Answer(); ok {
		errno := served(&a)
		got := 0
		if errno == 0 {
			got = op.Buf.Put(a.Data)
			s.Known.Granted(a.Header.Object)
		}
		if !op.Positioned {
			f.asked -= int64(n)
			f.Offset = max(f.Offset-int64(n-got), 0)
		}
		if errno != 0 || got < n {
			if errno == 0 {
				errno = faultError(op)
			}
			return errno
		}
		if n = min(op.Buf.Left(), filesys.MaxData); n == 0 {
			return 0
		}
		if off = f.Offset; op.Positioned {
			off += int64(got)
		}
	}
	h := std.Header{Command: filesys.Read, Offset: uint64(off), Size: uint32(n), Extra: s.Known.node()}
	s.Ask(op, &h, nil)
	if !op.Positioned {
		f.Offset = off + int64(n)
		f.asked += int64(n)
	}
	return abi.EBLOCKED
}

// Write implements Impl.
func (s *Served) Write(op *Op, f *File, off int64) int {
	if a, ok := op.Link.Answer(); ok {
		errno := served(&a)
		n := 0
		if errno == 0 {
			n = min(int(a.Header.Size), filesys.MaxData)
			s.Known.written(&a)
			if f.Flags&OAppend != 0 && !op.Positioned {
				f.Offset = int64(a.Header.Offset)
			}
		}
		if f.Flags&OAppend == 0 && !op.Positioned {
			f.asked -= int64(min(op.Buf.Left(), filesys.MaxData))
		}
		op.Buf.Skip(n)
		switch {
		case errno != 0:
			return errno
		case op.Buf.Left() == 0 || n == 0:
			return 0
		}
		if off = f.Offset; op.Positioned {
			off += int64(n)
		}
	}
	data := make([]byte, min(op.Buf.Left(), filesys.MaxData))
	n := op.Buf.Peek(data)
	if n == 0 {
		return faultError(op)
	}
	h := std.Header{Command: filesys.Write, Offset: uint64(off), Extra: s.Known.node()}
	if f.Flags&OAppend != 0 {
		h.Offset = filesys.Append
	} else if !op.Positioned {
		f.Offset = off + int64(n)
		f.asked += int64(len(data))
	}
	s.Ask(op, &h, data[:n])
	return abi.EBLOCKED
}

// IsDir reports whether it is a directory.
func (s *Served) IsDir() bool { return s.Known.Attr.Mode&ModeType == ModeDir }

// Stat is what was last known. Who wants to know for certain asks.
func (s *Served) Stat() Stat { return ServedStat(&s.Known.Attr) }

// ServedStat is a server's attributes as stat(2) shows them.
func ServedStat(a *filesys.Attr) Stat {
	return Stat{Ino: ServedIno(a.Object), Mode: a.Mode, Nlink: uint64(a.Nlink), Size: a.Size, Mtime: a.Mtime}
}

// Ready, Queue: a file is always ready.
func (s *Served) Ready(*File) Events { return In | Out | RdNorm | WrNorm }
func (s *Served) Queue() *wait.Queue { return nil }

// Close implements Impl.
func (s *Served) Close(f *File) { s.Known.closed(f) }

// ServedIno is the inode number of an object of a server. Libraries take 0 for a name
// that was removed.
func ServedIno(object uint64) uint64 { return object + 1 }
