package main

import (
	"fmt"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raw is a descriptor that is read and written without Go's scheduler, which would
// make Linux look slower than it is.
type raw int

// call is read or write.
//
// Safety: the buffer is used in the argument list of the call only, where the
// compiler keeps it alive.
func (r raw) call(nr uintptr, b []byte) (int, error) {
	for {
		n, _, e := unix.RawSyscall(nr, uintptr(r), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch {
		case e == unix.EINTR:
		case e != 0:
			return 0, e
		case n == 0 && nr == unix.SYS_READ:
			return 0, io.EOF
		default:
			return int(n), nil
		}
	}
}

// whole reads or writes all of a buffer.
func (r raw) whole(nr uintptr, b []byte) error {
	for len(b) > 0 {
		n, err := r.call(nr, b)
		if err != nil {
			return fmt.Errorf("descriptor %d: %w", r, err)
		}
		b = b[n:]
	}
	return nil
}

func (r raw) send(b []byte) error { return r.whole(unix.SYS_WRITE, b) }
func (r raw) recv(b []byte) error { return r.whole(unix.SYS_READ, b) }
