package linux

import (
	"iter"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Shared mappings of files of servers that may be written. The memory belongs to the
// open file description (object.Mapping). The process has it under a descriptor that
// nobody sees, besides the one by which it was mapped, so that it moves with the process,
// whatever becomes of that one; and which is closed, with what was changed sent to the
// server, by munmap, and by exec and exit.

// mappedFrom is where those descriptors begin: out of the way of the program's.
const mappedFrom = 512

// mapWritable makes the memory of a description that has none yet.
func (k *Kernel) mapWritable(t *proc.Thread, f *object.File, s *object.Served, r *vm.Region) int64 {
	st, errno := k.still(t, s, 0, vm.MaxStore)
	if errno != 0 {
		return errno
	}
	defer st.Release()
	size := st.Size()
	if size > object.MaxMapping {
		return -abi.ENODEV
	}
	m := object.NewMapping(st, size)
	if m == nil {
		return -abi.ENOMEM
	}
	fds := t.Process().FDs
	f.Retain()
	fd := fds.Add(f, mappedFrom, true, proc.MaxFDs)
	if fd < 0 {
		f.Release()
		m.Store.Release()
		return -abi.EMFILE
	}
	fds.SetOpening(fd, true)
	s.Mapped = m
	return k.mapAgain(s, r)
}

func (k *Kernel) mapAgain(s *object.Served, r *vm.Region) int64 {
	if s.Mapped.Store.Size() < s.Known.Attr.Size {
		return -abi.ENODEV // it has grown since
	}
	r.Store = s.Mapped.Store
	r.Store.Retain()
	return 0
}

// mappings are those descriptors, and their files.
func mappings(p *proc.Process) iter.Seq2[int32, *object.Served] {
	return func(yield func(int32, *object.Served) bool) {
		for fd := int32(mappedFrom); fd < int32(p.FDs.Len()); fd++ {
			if s, ok := servedFile(p.FDs.Held(fd)); ok && p.FDs.Opening(fd) && s.Mapped != nil && !yield(fd, s) {
				return
			}
		}
	}
}

// mapped finds the file whose memory is mapped somewhere in a range.
func mapped(p *proc.Process, addr, n uint64) *object.Served {
	for _, s := range mappings(p) {
		if mappedIn(p, s, addr, n) {
			return s
		}
	}
	return nil
}

func mappedIn(p *proc.Process, s *object.Served, addr, n uint64) bool {
	for _, r := range p.Space.Regions() {
		if r.Store == s.Mapped.Store && r.Start < addr+n && addr < r.End {
			return true
		}
	}
	return false
}

// writeBack sends what was changed in the memory mapped in a range to the server, before
// a munmap or msync. 0: it is there. The record says from which page on to look, and how
// much is on its way.
func (k *Kernel) writeBack(t *proc.Thread, c *proc.Call) int64 {
	p := t.Process()
	addr, n := c.Args[0], min(c.Args[1], abi.UserTop)
	s := mapped(p, addr, n)
	if s == nil {
		return 0
	}
	op := k.op(t)
	if op.Link == nil {
		return -abi.EIO
	}
	if op.Pressure != nil && op.Pressure() {
		return -abi.ENOMEM // what is on its way is in the kernel's heap
	}
	page, sent, asked := s.AskWrite(op, int(c.Aux[0]))
	if !asked {
		return 0
	}
	c.Aux[0], c.Aux[1] = uint64(page), uint64(sent)
	c.Phase = servedWritten
	return -abi.EBLOCKED
}

// writtenBack has the answer.
func (k *Kernel) writtenBack(t *proc.Thread, c *proc.Call, a *object.Answer) int64 {
	s := mapped(t.Process(), c.Args[0], min(c.Args[1], abi.UserTop))
	if s == nil || calls[c.Nr] == nil || c.Aux[0] > object.MaxMapping || c.Aux[1] > object.MaxMapping {
		return -abi.EIO
	}
	page, n := int(c.Aux[0]), int(c.Aux[1])
	if errno := s.Wrote(k.op(t), a); errno != 0 {
		s.Mapped.Unsent(page, n)
		return -int64(errno)
	}
	c.Aux[0] = uint64(page + (n+vm.PageBytes-1)/vm.PageBytes)
	return calls[c.Nr](k, t, c)
}

// unmapped closes the descriptors of memory that is mapped nowhere any more.
func (k *Kernel) unmapped(p *proc.Process) {
	for fd, s := range mappings(p) {
		if !mappedIn(p, s, 0, abi.UserTop) {
			s.EndMapping()
			p.FDs.Abandon(fd)
		}
	}
}
