package share

import (
	"errors"
	"io/fs"
	"syscall"
)

// errno is a Linux error number, 0 if all went well.
type errno = uint32

// errnoOf is what a program is told of an error of the host's.
func errnoOf(err error) errno {
	var e syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return errno(e)
	case errors.Is(err, fs.ErrNotExist):
		return errno(syscall.ENOENT)
	}
	return errno(syscall.EIO) // os.Root has words of its own for a path that escapes
}
