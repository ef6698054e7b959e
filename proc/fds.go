package proc

import "motile/kernel/object"

// FD is one entry of a descriptor table.
type FD struct {
	File    *object.File
	Cloexec bool
	opening bool // for the thread whose open(2) waits; to all others it is taken, not open
}

// FDs is a descriptor table.
type FDs struct {
	list  []FD
	owner *Process
}

// Get returns the file of a descriptor, or nil.
func (t *FDs) Get(fd int32) *object.File {
	if fd < 0 || int(fd) >= len(t.list) || t.list[fd].opening {
		return nil
	}
	return t.list[fd].File
}

// Opening reports whether open(2) of fd waits.
func (t *FDs) Opening(fd int32) bool {
	return fd >= 0 && int(fd) < len(t.list) && t.list[fd].opening
}

// SetOpening makes fd one whose open(2) waits, or one for which that is over.
func (t *FDs) SetOpening(fd int32, waits bool) {
	if fd >= 0 && int(fd) < len(t.list) && t.list[fd].File != nil {
		t.list[fd].opening = waits
	}
}

// Held returns the file of a descriptor that is open, or being opened, or nil.
func (t *FDs) Held(fd int32) *object.File {
	if fd < 0 || int(fd) >= len(t.list) {
		return nil
	}
	return t.list[fd].File
}

// Entry returns a descriptor's entry, or nil if it is not open.
func (t *FDs) Entry(fd int32) *FD {
	if t.Get(fd) == nil {
		return nil
	}
	return &t.list[fd]
}

// Cloexec reports whether fd is closed by exec.
func (t *FDs) Cloexec(fd int32) bool { return t.Held(fd) != nil && t.list[fd].Cloexec }

// Len is one above the highest descriptor ever used.
func (t *FDs) Len() int { return len(t.list) }

// Add takes over one reference of f and returns the lowest free descriptor that
// is at least from, or -1 if limit leaves none.
func (t *FDs) Add(f *object.File, from int32, cloexec bool, limit uint64) int32 {
	fd := int(from)
	for fd < len(t.list) && t.list[fd].File != nil {
		fd++
	}
	if uint64(fd) >= min(limit, MaxFDs) {
		return -1
	}
	t.Set(int32(fd), f, cloexec)
	return int32(fd)
}

// Full reports whether limit leaves no descriptor free.
func (t *FDs) Full(limit uint64) bool {
	for fd := range min(limit, MaxFDs) {
		if t.Get(int32(fd)) == nil {
			return false
		}
	}
	return true
}

// Set makes fd refer to f, whose reference it takes over, and closes what was there.
func (t *FDs) Set(fd int32, f *object.File, cloexec bool) {
	for int(fd) >= len(t.list) {
		t.list = append(t.list, FD{})
	}
	old := t.list[fd].File
	t.list[fd] = FD{File: f, Cloexec: cloexec}
	if old != nil {
		t.drop(old)
	}
}

// drop is what becomes of a file whose descriptor is closed.
func (t *FDs) drop(f *object.File) {
	if t.owner != nil {
		t.owner.closing(f)
	}
	f.Release()
}

// Close closes fd and reports whether it was open.
func (t *FDs) Close(fd int32) bool {
	if t.Get(fd) == nil {
		return false
	}
	t.Abandon(fd)
	return true
}

// Abandon closes fd, also if it is being opened.
func (t *FDs) Abandon(fd int32) {
	if f := t.Held(fd); f != nil {
		t.list[fd] = FD{}
		t.drop(f)
	}
}

func (t *FDs) closeAll() {
	for fd := range t.list {
		t.Abandon(int32(fd))
	}
}

// CloseOnExec closes what is marked so, and what other threads were opening.
func (t *FDs) CloseOnExec() {
	for fd := range t.list {
		if t.list[fd].Cloexec || t.list[fd].opening {
			t.Abandon(int32(fd))
		}
	}
}

func (t *FDs) clone() *FDs {
	c := &FDs{list: append([]FD(nil), t.list...)} // its owner is yet to come
	for i := range c.list {
		switch e := &c.list[i]; {
		case e.opening:
			*e = FD{} // its thread is not in the child
		case e.File != nil:
			e.File.Retain()
		}
	}
	return c
}

// left: p is elsewhere, and keeps the record locks that it has. What has to know is told.
func (p *Process) left() {
	for i := range p.FDs.list {
		if f := p.FDs.list[i].File; f != nil && f.Flags&object.OPath == 0 {
			if l, ok := f.Impl.(interface{ Left(pid int32, locking bool) }); ok {
				l.Left(p.PID, p.Locking)
			}
		}
	}
	p.Locking = false
}

// closing: p closes a descriptor. With it goes what p has locked of that file, also by
// other descriptors (fcntl(2), "Advisory record locking").
func (p *Process) closing(f *object.File) {
	if l, ok := f.Impl.(object.Lockable); ok && p.Locking && f.Flags&object.OPath == 0 {
		l.Unlock(p.PID, p.Now())
	}
}
