package lib

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
)

// Group is membership of an ordered group: what one member sends, all receive, in one
// order. See ipc/group/PROTOCOL.md. Errors are of type std.Status: BC_ABORT means that
// the group needs a Reset, BC_FAIL that it goes on without this member.
type Group struct{ gid uintptr }

// GrpCreate makes a group of which the caller is the first member. Who knows the port
// may join. A message that was sent survives the crash of resilience members; the
// history has 2^lognbuf messages of at most 2^logmaxmess bytes.
func GrpCreate(port capability.Port, resilience, maxgroup, lognbuf, logmaxmess int) (Group, error) {
	h := std.Header{Port: port}
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := syscall.Syscall6(abi.SysGrpCreate, uintptr(unsafe.Pointer(&b)),
		uintptr(resilience), uintptr(maxgroup), uintptr(lognbuf), uintptr(logmaxmess), 0)
	n, err := result(r, e)
	return Group{uintptr(n)}, err
}

// GrpJoin joins the group of a port.
func GrpJoin(port capability.Port) (Group, error) {
	h := std.Header{Port: port}
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := syscall.Syscall(abi.SysGrpJoin, uintptr(unsafe.Pointer(&b)), 0, 0)
	n, err := result(r, e)
	return Group{uintptr(n)}, err
}

// Leave ends the membership, after all that was sent.
func (g Group) Leave() error {
	r, _, e := syscall.Syscall(abi.SysGrpLeave, g.gid, 0, 0)
	_, err := result(r, e)
	return err
}

// Send gives a message to the group, and returns when it is ordered and safe.
func (g Group) Send(h *std.Header, data []byte) error {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := syscall.Syscall6(abi.SysGrpSend, g.gid, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(data)), uintptr(len(data)), 0, 0)
	_, err := result(r, e)
	return err
}

// Receive waits for the next message. It returns how much data there is, and how many
// messages more could be received at once.
func (g Group) Receive(h *std.Header, buf []byte) (n, more int, err error) {
	var b [std.HeaderLen]byte
	var left uint32
	r, _, e := aside(abi.SysGrpReceive, g.gid, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(buf)), uintptr(len(buf)), uintptr(unsafe.Pointer(&left)), 0)
	if n, err = result(r, e); err == nil {
		h.GetUser(&b)
	}
	return n, int(left), err
}

// Reset makes a new view of the group, of all members that answer, if those are at
// least nmin. If h is not nil it is then sent to the group, without data. The result
// is the number of members.
func (g Group) Reset(h *std.Header, nmin int) (members int, err error) {
	var b [std.HeaderLen]byte
	var p unsafe.Pointer
	if h != nil {
		h.PutUser(&b)
		p = unsafe.Pointer(&b)
	}
	r, _, e := syscall.Syscall(abi.SysGrpReset, g.gid, uintptr(p), uintptr(nmin))
	return result(r, e)
}

// GroupInfo is what a member knows of its group.
type GroupInfo struct {
	Expect    uint64 // number of the next message to be received
	Next      uint64 // number that the next message gets
	View      uint64
	Unstable  int // messages in the history
	Total     int // members
	Index     int // of the caller
	Sequencer int // its index
	Running   bool
	Members   []int
}

// Info describes the group.
func (g Group) Info() (in GroupInfo, err error) {
	const fixed = 48
	b := make([]byte, fixed+4*256)
	r, _, e := syscall.Syscall(abi.SysGrpInfo, g.gid, uintptr(pointer(b)), uintptr(len(b)))
	n, err := result(r, e)
	if err != nil {
		return in, err
	}
	number := func(at int) int { return int(binary.LittleEndian.Uint32(b[at:])) }
	in = GroupInfo{Expect: binary.LittleEndian.Uint64(b), Next: binary.LittleEndian.Uint64(b[8:]), View: binary.LittleEndian.Uint64(b[16:]),
		Unstable: number(24), Total: number(28), Index: number(32), Sequencer: number(36), Running: number(40) == 1}
	for at := fixed; at < n; at += 4 {
		in.Members = append(in.Members, number(at))
	}
	return in, nil
}

// Set changes a parameter of this member: 1 is from how many bytes on a message goes
// to all members at once.
func (g Group) Set(what, value int) error {
	r, _, e := syscall.Syscall(abi.SysGrpSet, g.gid, uintptr(what), uintptr(value))
	_, err := result(r, e)
	return err
}

// Forward passes the request that this thread's last GetReq returned on to another
// member, which serves the port too.
func (g Group) Forward(port capability.Port, index int) error {
	r, _, e := syscall.Syscall(abi.SysGrpForward, g.gid, uintptr(unsafe.Pointer(&port)), uintptr(index))
	_, err := result(r, e)
	return err
}
