package object

import (
	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/kernel/wait"
)

// Served is a file or directory of a file server, opened. What is to be done with it is
// asked of the server, in transactions of the process, to the capability that open has
// brought: so it moves with the process, and nothing of it stays.
type Served struct {
	Cap   capability.Capability
	Root  uint64 // directory at which the name space began in which it was opened
	Known *Known // what this node knows of the file
	// Shared, unless nil, is where the server keeps the description's offset: processes on
	// several nodes have it.
	Shared *filesys.Shared
	// LockID is the number by which the server knows the description's locks; zero: it has
	// never asked for one.
	LockID [16]byte
	closed bool // here
	// ahead is how much was asked for last of a file that is read on and on.
	ahead int
	// Mapped, unless nil, is the description's memory that is mapped and may be written.
	Mapped *Mapping
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

// What a step leaves in Op.Asked.
const (
	askedAt     = iota // the offset it reads or writes at
	askedSize          // how many bytes are for the caller; 32 bits up, how many before them were asked for: whole pages are, if they are kept
	askedTicket        // Known.ticket
	askedLarge         // what largeReads.end wants to be told
)

// Read implements Impl. What is known here is taken from there. The offset of a
// description moves when a request leaves, so that two threads who share it do not read
// the same.
func (s *Served) Read(op *Op, f *File, off int64) int {
	switch {
	case s.IsDir():
		return abi.EISDIR
	case op.Link == nil:
		return abi.EIO
	}
	shared := s.Shared != nil && !op.Positioned
	if a, ok := op.Link.Answer(); ok {
		if shared && op.Asked[askedSize] == 0 {
			return s.gotShared(op, &a)
		}
		got, end, errno := s.got(op, f, &a)
		if errno != 0 || end || shared {
			return errno
		}
		if off = f.Offset; op.Positioned {
			off = int64(op.Asked[askedAt]) + int64(got)
		}
	}
	if shared {
		return s.askShared(op)
	}
	got, end := s.Known.read(op, off)
	off += int64(got)
	f.next = off
	if !op.Positioned {
		f.Offset = off
	}
	if op.Buf.Left() == 0 || end {
		return faultError(op)
	}
	if op.Pressure != nil && op.Pressure() {
		return abi.ENOMEM // the answer would be in the kernel's heap
	}
	s.askRead(op, f, off)
	return abi.EBLOCKED
}

// askRead asks for what the caller wants at off, and for whole pages, more and more than he
// wants if he reads on and on, if they are to be kept.
func (s *Served) askRead(op *Op, f *File, off int64) {
	start, size := off, min(op.Buf.Left(), filesys.MaxRead)
	ticket := s.Known.ticket(op.Now)
	if s.Known.Grant != 0 {
		start = off &^ (vm.PageBytes - 1)
		size = (int(off-start) + size + vm.PageBytes - 1) &^ (vm.PageBytes - 1)
		if off == f.next {
			s.ahead = min(max(2*s.ahead, filesys.MaxData), filesys.MaxRead)
			size = max(size, s.ahead)
		} else {
			s.ahead = 0
		}
	}
	size, large := s.Known.files.large.room(op, size)
	want := min(int64(op.Buf.Left()), start+int64(size)-off)
	op.Asked[askedAt], op.Asked[askedSize] = uint64(off), uint64(off-start)<<32|uint64(want)
	op.Asked[askedTicket], op.Asked[askedLarge] = ticket, large
	h := std.Header{Command: filesys.Read, Offset: uint64(start), Size: uint32(size), Extra: s.Known.node()}
	s.Ask(op, &h, nil)
	if !op.Positioned {
		f.Offset = off + want
		f.asked += want
	}
}

// got takes what a Read has brought. end says that there is no more.
func (s *Served) got(op *Op, f *File, a *Answer) (got int, end bool, errno int) {
	s.Known.files.large.end(op.Asked[askedLarge])
	off, want := int64(op.Asked[askedAt]), int64(uint32(op.Asked[askedSize]))
	start := off - int64(op.Asked[askedSize]>>32)
	if start < 0 || want > filesys.MaxRead { // an image may say anything
		return 0, false, abi.EIO
	}
	w, data, ok := filesys.DecodeWritten(a.Data)
	switch errno = served(a); {
	case errno != 0:
	case !ok:
		errno = abi.EIO
	default:
		s.Known.Fill(op.Now, a, &w, op.Asked[askedTicket], start, data)
		part := data[min(off-start, int64(len(data))):]
		got = op.Buf.Put(part[:min(want, int64(len(part)))])
		end = off+int64(got) >= w.Size
	}
	if !op.Positioned {
		f.asked = max(f.asked-want, 0)
		f.Offset = max(f.Offset-(want-int64(got)), 0)
	}
	f.next = off + int64(got)
	if errno == 0 && int64(got) < want {
		end, errno = true, faultError(op)
	}
	return got, end, errno
}

// Write implements Impl. The server has what is written when it has answered; what is
// kept here is changed then.
func (s *Served) Write(op *Op, f *File, off int64) int {
	if op.Link == nil {
		return abi.EIO
	}
	if a, ok := op.Link.Answer(); ok {
		n, errno := s.wrote(op, f, &a)
		switch {
		case errno != 0:
			return errno
		case op.Buf.Left() == 0 || n == 0:
			return 0
		}
		if off = f.Offset; op.Positioned {
			off = int64(op.Asked[askedAt]) + int64(n)
		}
	}
	if op.Pressure != nil && op.Pressure() {
		return abi.ENOMEM
	}
	data := make([]byte, min(op.Buf.Left(), filesys.MaxData))
	n := op.Buf.Peek(data)
	if n == 0 {
		return faultError(op)
	}
	if s.Shared != nil && !op.Positioned && f.Flags&OAppend == 0 {
		op.Asked[askedSize] = 0
		s.Ask(op, s.toWrite(op, filesys.Stream), append(s.Shared.Append(nil), data[:n]...))
		return abi.EBLOCKED
	}
	op.Asked[askedAt], op.Asked[askedSize] = uint64(off), uint64(n)
	h := s.toWrite(op, uint64(off))
	if f.Flags&OAppend != 0 {
		h.Offset = filesys.Append
	} else if !op.Positioned {
		f.Offset = off + int64(n)
		f.asked += int64(n)
	}
	s.Ask(op, h, data[:n])
	return abi.EBLOCKED
}

// toWrite is the header of a Write. With it the node gives its grant back: the server
// recalls nothing from who writes, and the answer may never come, if the process is killed
// meanwhile.
func (s *Served) toWrite(op *Op, off uint64) *std.Header {
	op.Asked[askedTicket] = s.Known.ticket(op.Now)
	return s.Known.writeHeader(off)
}

func (k *Known) writeHeader(off uint64) *std.Header {
	given := uint32(k.Grant)
	k.Grant = 0
	return &std.Header{Command: filesys.Write, Offset: off, Size: given, Extra: k.node()}
}

// gotShared takes what has come from an offset that the server keeps: as much as one
// request brings, for the offset is others' too.
func (s *Served) gotShared(op *Op, a *Answer) int {
	if errno := served(a); errno != 0 {
		return errno
	}
	_, data, ok := filesys.DecodeWritten(a.Data)
	if !ok {
		return abi.EIO
	}
	s.Known.server.answered(a.At)
	op.Buf.Put(data)
	return faultError(op)
}

// askShared reads where the server says.
func (s *Served) askShared(op *Op) int {
	h := std.Header{Command: filesys.Read, Offset: filesys.Stream, Extra: s.Known.node(),
		Size: uint32(min(op.Buf.Left(), filesys.MaxData))}
	if h.Size == 0 {
		return faultError(op)
	}
	op.Asked[askedSize] = 0
	s.Ask(op, &h, s.Shared.Append(nil))
	return abi.EBLOCKED
}

// wrote takes the answer to a Write.
func (s *Served) wrote(op *Op, f *File, a *Answer) (n, errno int) {
	if !op.Positioned && f.Flags&OAppend == 0 {
		f.asked = max(f.asked-int64(min(op.Asked[askedSize], filesys.MaxData)), 0)
	}
	w, _, ok := filesys.DecodeWritten(a.Data)
	switch errno = served(a); {
	case errno != 0:
		return 0, errno
	case !ok:
		return 0, abi.EIO
	}
	n = min(int(a.Header.Size), filesys.MaxData)
	s.Known.wrote(op, a, &w, int64(a.Header.Offset)-int64(n), n)
	op.Buf.Skip(n)
	if f.Flags&OAppend != 0 && !op.Positioned {
		f.Offset = int64(a.Header.Offset)
	}
	return n, 0
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
func (s *Served) Close(f *File) {
	s.closed = true
	s.closeLocks()
	s.EndMapping()
	s.Known.closed(f)
}

// ServedIno is the inode number of an object of a server. Libraries take 0 for a name
// that was removed.
func ServedIno(object uint64) uint64 { return object + 1 }
