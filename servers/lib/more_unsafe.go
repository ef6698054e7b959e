package lib

import (
	"syscall"
	"time"
	"unsafe"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
)

// TransWithin is Trans that ends when d is over: with RPC_NOTFOUND if by then no
// server can have had the request, else with RPC_FAILURE, and then the server is
// told, as of a signal.
func TransWithin(h *std.Header, request, reply []byte, d time.Duration) (int, error) {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	r, _, e := aside(abi.SysTransWithin, uintptr(unsafe.Pointer(&b)),
		uintptr(pointer(request)), uintptr(len(request)), uintptr(pointer(reply)), uintptr(len(reply)),
		uintptr(max(d.Milliseconds(), 1)))
	n, err := result(r, e)
	if err == nil {
		h.GetUser(&b)
	}
	return n, err
}

// Forward lets another server answer the request that this thread's last GetReq
// returned, instead of PutRep: any server of the put-port, or the one at the
// address if that is not null. The client does not notice.
func Forward(put capability.Port, to flip.Address) error {
	r, _, e := syscall.Syscall(abi.SysForward, uintptr(unsafe.Pointer(&put)), uintptr(unsafe.Pointer(&to)), 0)
	_, err := result(r, e)
	return err
}

// Timeout sets how long this thread's Trans looks for a server, and returns what it
// was; 0 means the default. Lock the goroutine to its thread.
func Timeout(d time.Duration) (time.Duration, error) {
	r, _, e := syscall.Syscall(abi.SysTimeout, uintptr(d.Milliseconds()), 0, 0)
	return time.Duration(r) * time.Millisecond, errnoError(e)
}

// Secure makes this thread's Trans keep request and reply away from untrusted
// networks, or end with RPC_UNSAFE. Lock the goroutine to its thread.
func Secure(on bool) error {
	v := uintptr(0)
	if on {
		v = 1
	}
	_, _, e := syscall.Syscall(abi.SysSecure, v, 0, 0)
	return errnoError(e)
}
