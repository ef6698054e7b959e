package lib

import (
	"syscall"
	"unsafe"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
)

// A goroutine in a system call keeps the right to run Go code, of which a program on one
// processor has one. The runtime notices that others wait for it some 20 µs to 10 ms later;
// threads that come back from system calls take it at once. So a goroutine that has woken
// others, and then waits in a system call, gives the right away itself: aside. It is not for
// all, since who comes back has to ask for it, and to wake the thread that watches.
//
// Safety: as the runtime's own functions of a call that blocks, which others use by these
// names (its comments list them), and will not change. Between them the stack must not grow.

//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

//go:nosplit
//go:uintptrescapes
func aside(nr, a, b, c, d, e, f uintptr) (r1, r2 uintptr, err syscall.Errno) {
	entersyscallblock()
	r1, r2, err = syscall.RawSyscall6(nr, a, b, c, d, e, f)
	exitsyscall()
	return r1, r2, err
}

// TransAside is Trans for one of several goroutines that have something to do.
func TransAside(h *std.Header, request, reply []byte) (int, error) {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := aside(abi.SysTrans, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(request)), uintptr(len(request)), uintptr(pointer(reply)), uintptr(len(reply)), 0)
	n, err := result(r, e)
	if err == nil {
		h.GetUser(&b)
	}
	return n, err
}

// getReqAside is GetReq likewise.
func getReqAside(get capability.Port, h *std.Header, buf []byte) (int, error) {
	var b [std.HeaderLen]byte
	h.Port = get
	h.PutUser(&b)
	r, _, e := aside(abi.SysGetreq, uintptr(unsafe.Pointer(&b)), uintptr(pointer(buf)), uintptr(len(buf)), 0, 0, 0)
	n, err := result(r, e)
	if err == nil {
		h.GetUser(&b)
	}
	return n, err
}

// replyAside is PutRep and then getReqAside. The client may well run before we do again: the
// right is given away already when it is answered, and asked for once.
func replyAside(get capability.Port, h *std.Header, reply, buf []byte) (int, error) {
	var put, b [std.HeaderLen]byte
	h.PutUser(&put)
	h.Port = get
	h.PutUser(&b)
	r, e := twoAside(uintptr(unsafe.Pointer(&put)), uintptr(pointer(reply)), uintptr(len(reply)),
		uintptr(unsafe.Pointer(&b)), uintptr(pointer(buf)), uintptr(len(buf)))
	n, err := result(r, e)
	if err == nil {
		h.GetUser(&b)
	}
	return n, err
}

//go:nosplit
//go:uintptrescapes
func twoAside(put, reply, replyLen, get, buf, room uintptr) (r uintptr, err syscall.Errno) {
	entersyscallblock()
	r, _, err = syscall.RawSyscall6(abi.SysPutrep, put, reply, replyLen, 0, 0, 0)
	if err == 0 {
		r, _, err = syscall.RawSyscall6(abi.SysGetreq, get, buf, room, 0, 0, 0)
	}
	exitsyscall()
	return r, err
}
