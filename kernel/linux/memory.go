package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// mmap flags (mmap(2)).
const (
	mapShared    = 0x01
	mapPrivate   = 0x02
	mapSharedVal = 0x03
	mapFixed     = 0x10
	mapAnonymous = 0x20
	mapGrowsDown = 0x100
	mapNoReplace = 0x100000

	maxRegions = 16384 // of one process; each costs kernel memory
)

func sysMmap(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := t.Process()
	addr, n, flags, off := c.Args[0], c.Args[1], c.Args[3], int64(c.Args[5])
	r := vm.Region{Prot: uint8(c.Args[2] & 7), Off: off}
	switch flags & 3 {
	case mapPrivate:
	case mapShared, mapSharedVal:
		r.Shared = true
	default:
		return -abi.EINVAL
	}
	if off%vm.PageBytes != 0 || off < 0 || n == 0 {
		return -abi.EINVAL
	}
	if off > 1<<62 {
		return -abi.EOVERFLOW
	}
	if k.crowded(p.Space) {
		return -abi.ENOMEM
	}
	if limit := p.Limits[proc.LimitAS].Cur; limit != proc.Infinity &&
		uint64(p.Space.Virtual())*vm.PageBytes+n > limit {
		return -abi.ENOMEM
	}
	if flags&mapAnonymous != 0 {
		r.Off = 0
		if r.Shared {
			if n > vm.MaxStore {
				return -abi.ENOMEM
			}
			r.Store = vm.NewStore()
			r.Store.SetSize(int64(n+vm.PageBytes-1) &^ (vm.PageBytes - 1))
		}
	} else if errno := k.mapFile(t, c, &r); errno != 0 {
		return errno
	}
	fixed := flags&(mapFixed|mapNoReplace) != 0
	if flags&mapNoReplace != 0 && addr%vm.PageBytes == 0 && !p.Space.Unused(addr, n) {
		r.Drop()
		return -abi.EEXIST
	}
	at, errno := p.Space.Map(addr, n, r, fixed)
	if errno != 0 {
		r.Drop()
		return -int64(errno)
	}
	return int64(at)
}

// MapMemory gives a process private memory of its own that it may read and write, at an
// address where nothing is, or, if that is 0, anywhere.
func (k *Kernel) MapMemory(p *proc.Process, addr, n uint64) (at uint64, errno int) {
	if errno := k.Roomy(p, n); errno != 0 {
		return 0, errno
	}
	if addr != 0 && addr%vm.PageBytes == 0 && !p.Space.Unused(addr, n) {
		return 0, abi.EEXIST
	}
	return p.Space.Map(addr, n, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, addr != 0)
}

// Roomy reports whether a process may get so much more memory: 0, or ENOMEM.
func (k *Kernel) Roomy(p *proc.Process, n uint64) (errno int) {
	limit := p.Limits[proc.LimitAS].Cur
	if k.crowded(p.Space) || n > abi.UserTop || limit != proc.Infinity && uint64(p.Space.Virtual())*vm.PageBytes+n > limit {
		return abi.ENOMEM
	}
	return 0
}

// crowded reports whether a space must not get more regions.
func (k *Kernel) crowded(s *vm.Space) bool {
	return len(s.Regions()) >= maxRegions || k.Pressure != nil && k.Pressure()
}

func (k *Kernel) mapFile(t *proc.Thread, c *proc.Call, r *vm.Region) int64 {
	f := file(t, c.Args[4])
	if f == nil {
		return -abi.EBADF
	}
	if s, ok := servedFile(f); ok {
		return k.mapServed(t, c, f, s, r)
	}
	m, ok := f.Impl.(object.Mappable)
	switch {
	case !ok:
		if _, zero := f.Impl.(object.Zero); zero && !r.Shared {
			r.Off = 0
			return 0
		}
		return -abi.ENODEV
	case !f.Readable(), r.Shared && r.Prot&vm.ProtWrite != 0 && !f.Writable():
		return -abi.EACCES
	}
	r.Store = m.Store()
	r.Store.Retain()
	return 0
}

func sysMunmap(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	s := t.Process().Space
	if k.crowded(s) && s.Splits(c.Args[0], c.Args[1]) {
		return -abi.ENOMEM
	}
	if errno := k.writeBack(t, c); errno != 0 {
		return errno
	}
	errno := s.Unmap(c.Args[0], c.Args[1])
	k.unmapped(t.Process())
	return -int64(errno)
}

func sysMprotect(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	s := t.Process().Space
	if k.crowded(s) {
		return -abi.ENOMEM
	}
	if c.Args[1] == 0 && c.Args[0]%vm.PageBytes == 0 {
		return 0
	}
	return -int64(s.Protect(c.Args[0], c.Args[1], uint8(c.Args[2]&7)))
}

func sysMremap(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const mayMove, fixed = 1, 2
	if c.Args[3]&^(mayMove|fixed) != 0 {
		return -abi.EINVAL
	}
	if c.Args[2] > c.Args[1] && k.crowded(t.Process().Space) {
		return -abi.ENOMEM
	}
	at, errno := t.Process().Space.Remap(c.Args[0], c.Args[1], c.Args[2], c.Args[4],
		c.Args[3]&mayMove != 0, c.Args[3]&fixed != 0)
	if errno != 0 {
		return -int64(errno)
	}
	return int64(at)
}

func sysMadvise(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const dontNeed, free, dontFork, doFork, wipeOnFork, keepOnFork, dontNeedLocked = 4, 8, 10, 11, 18, 19, 24
	s := t.Process().Space
	switch c.Args[2] {
	case dontFork:
		return k.setFork(s, c, vm.ForkNone)
	case wipeOnFork:
		return k.setFork(s, c, vm.ForkWipe)
	case doFork, keepOnFork:
		return k.setFork(s, c, vm.ForkCopy)
	case dontNeed, dontNeedLocked:
		return -int64(s.Discard(c.Args[0], c.Args[1]))
	case free:
		return 0 // allowed to keep the contents
	}
	if c.Args[0]%vm.PageBytes != 0 {
		return -abi.EINVAL
	}
	return 0
}

func (k *Kernel) setFork(s *vm.Space, c *proc.Call, mode vm.ForkMode) int64 {
	if k.crowded(s) {
		return -abi.ENOMEM
	}
	return -int64(s.SetFork(c.Args[0], c.Args[1], mode))
}

func sysMsync(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[0]%vm.PageBytes != 0 {
		return -abi.EINVAL
	}
	return k.writeBack(t, c) // other shared mappings are the file's own pages
}

func sysMincore(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	s := t.Process().Space
	addr, n := c.Args[0], (c.Args[1]+vm.PageBytes-1)/vm.PageBytes
	if addr%vm.PageBytes != 0 {
		return -abi.EINVAL
	}
	if n > 1<<20 {
		return -abi.ENOMEM
	}
	out := make([]byte, n)
	for i := range out {
		at := addr + uint64(i)*vm.PageBytes
		if _, ok := s.Region(at); !ok {
			return -abi.ENOMEM
		}
		if s.Frame(at) != 0 {
			out[i] = 1
		}
	}
	return k.copyOut(t, c.Args[2], out)
}

func sysBrk(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const limit = 1 << 36
	return int64(t.Process().Space.SetBrk(c.Args[0], limit))
}
