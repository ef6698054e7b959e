package client

import (
	"errors"
	"fmt"
	"syscall"

	"motile/ipc/std"
)

func isStatus(err error, s std.Status) bool { return errors.Is(err, s) }

// ExitStatus is what a shell makes of a wait(2) status: the status a process
// exited with, or 128 and the signal that killed it.
func ExitStatus(wait int) int {
	w := syscall.WaitStatus(wait)
	if w.Signaled() {
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}

// Ending says in words how a process ended.
func Ending(wait int) string {
	w := syscall.WaitStatus(wait)
	if w.Signaled() {
		return "killed by " + SignalName(int(w.Signal()))
	}
	return fmt.Sprintf("exit status %d", w.ExitStatus())
}
