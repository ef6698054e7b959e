package lib

import (
	"syscall"
	"unsafe"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
)

// pointer is the address of a buffer for a system call.
//
// Safety: it is used in the argument list of the call only, where the compiler
// keeps the buffer alive.
func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// Trans sends a request to the service of h.Port and waits for the reply, whose
// header replaces h. It returns the number of bytes put into reply. The error is a
// std.Status: of the transaction, not of what the service has to say.
func Trans(h *std.Header, request, reply []byte) (int, error) {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := syscall.Syscall6(abi.SysTrans, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(request)), uintptr(len(request)), uintptr(pointer(reply)), uintptr(len(reply)), 0)
	n, err := result(r, e)
	if err == nil {
		h.GetUser(&b)
	}
	return n, err
}

// GetReq waits for a request to the put-port of get. It fills h and buf, and
// returns how much data there is. PutRep from the same thread answers it: lock the
// goroutine to its thread in between.
func GetReq(get capability.Port, h *std.Header, buf []byte) (int, error) {
	var b [std.HeaderLen]byte
	h.Port = get
	h.PutUser(&b)
	r, _, e := syscall.Syscall6(abi.SysGetreq, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(buf)), uintptr(len(buf)), 0, 0, 0)
	n, err := result(r, e)
	if err == nil {
		h.GetUser(&b)
	}
	return n, err
}

// PutRep answers the request that this thread's last GetReq returned.
func PutRep(h *std.Header, data []byte) error {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := syscall.Syscall6(abi.SysPutrep, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(data)), uintptr(len(data)), 0, 0, 0)
	_, err := result(r, e)
	return err
}

// Node is the number of the node the caller is on, at this instant.
func Node() (int, error) {
	r, _, e := syscall.Syscall(abi.SysNodeInfo, 0, 0, 0)
	return int(r), errnoError(e)
}

// result takes the kernel's answer apart. Go's system call path turns results
// from -4095 to -1 into error numbers; those of the std package are among them.
func result(r uintptr, e syscall.Errno) (int, error) {
	switch {
	case e == syscall.ENOSYS:
		return 0, e // not on Motile
	case e != 0:
		return 0, std.Status(-int32(e))
	}
	return int(r), nil
}

func errnoError(e syscall.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}
