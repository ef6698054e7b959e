package lib

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"motile/ipc/capability"
	"motile/kernel/abi"
)

// SegCreate makes a segment of zeros on the node that the caller is on. The node forgets
// it when nobody has touched it for some minutes.
func SegCreate(bytes uint64) (capability.Capability, error) {
	var b [capability.EncodedLen]byte
	r, _, e := syscall.Syscall(abi.SysSegCreate, uintptr(bytes), uintptr(unsafe.Pointer(&b)), 0)
	_, err := result(r, e)
	c, _ := capability.Decode(b[:])
	return c, err
}

// Protection of a segment that is mapped.
const (
	ProtRead  = 1
	ProtWrite = 2
	ProtExec  = 4
)

// SegMap maps what is in a segment, which may be anywhere, or in a file of a server that
// answers Bullet's READ: so many bytes of it, 0: all. at is where, 0: anywhere. The pages
// are the caller's own.
func SegMap(c capability.Capability, at uintptr, bytes uint64, prot int) (uintptr, error) {
	b := c.Append(nil)
	r, _, e := syscall.Syscall6(abi.SysSegMap, uintptr(pointer(b)), at, uintptr(bytes), uintptr(prot), 0, 0)
	if _, err := result(r, e); err != nil {
		return 0, err
	}
	return r, nil
}

// SegGrow changes the length of a segment that is mapped.
func SegGrow(at uintptr, bytes, want uint64) error {
	r, _, e := syscall.Syscall(abi.SysSegGrow, at, uintptr(bytes), uintptr(want))
	_, err := result(r, e)
	return err
}

// SegUnmap unmaps a segment.
func SegUnmap(at uintptr, bytes uint64) error {
	r, _, e := syscall.Syscall(abi.SysSegUnmap, at, uintptr(bytes), 0)
	_, err := result(r, e)
	return err
}

// SegGive unmaps a segment, and what was in it becomes a segment of the node that the
// caller is on.
func SegGive(at uintptr, bytes uint64) (capability.Capability, error) {
	var b [capability.EncodedLen]byte
	r, _, e := syscall.Syscall(abi.SysSegUnmap, at, uintptr(bytes), uintptr(unsafe.Pointer(&b)))
	_, err := result(r, e)
	c, _ := capability.Decode(b[:])
	return c, err
}

// Mapped is a segment of the caller.
type Mapped struct {
	Start, End uint64
	Prot       uint32 // ProtRead and so on
	Shared     bool
	Stack      bool
	File       bool
}

// mappedLen is what getinfo says of one.
const mappedLen = 24

// GetInfo returns the caller's own capability, with all rights, and its segments.
func GetInfo() (self capability.Capability, segments []Mapped, err error) {
	var c [capability.EncodedLen]byte
	b := make([]byte, 64*mappedLen)
	for {
		r, _, e := syscall.Syscall(abi.SysGetinfo, uintptr(unsafe.Pointer(&c)), uintptr(pointer(b)), uintptr(len(b)/mappedLen))
		n, err := result(r, e)
		if err != nil {
			return self, nil, err
		}
		if n*mappedLen <= len(b) {
			b = b[:n*mappedLen]
			break
		}
		b = make([]byte, 2*n*mappedLen)
	}
	self, _ = capability.Decode(c[:])
	for ; len(b) > 0; b = b[mappedLen:] {
		flags := binary.LittleEndian.Uint32(b[20:])
		segments = append(segments, Mapped{
			Start: binary.LittleEndian.Uint64(b), End: binary.LittleEndian.Uint64(b[8:]),
			Prot: binary.LittleEndian.Uint32(b[16:]), Shared: flags&1 != 0, Stack: flags&2 != 0, File: flags&4 != 0,
		})
	}
	return self, segments, nil
}
