package client

import (
	"fmt"
	"syscall"
)

// ExecError says why a program was not started.
type ExecError struct {
	Node  int
	Path  string
	Errno int // Linux's
}

func (e *ExecError) Error() string {
	text := fmt.Sprintf("node %d: %s: %v", e.Node, e.Path, syscall.Errno(e.Errno))
	switch syscall.Errno(e.Errno) {
	case syscall.ENOENT:
		return text + " (motile run FILE sends a program of the host along)"
	case syscall.ENOEXEC:
		return text + ": want a static Linux program for x86-64"
	case syscall.EAGAIN:
		return text + ": too many processes"
	case syscall.ENOMEM:
		return text + " (motile nodes shows where there is memory)"
	}
	return text
}

func (e *ExecError) Unwrap() error { return syscall.Errno(e.Errno) }
