package machine

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// exitPanic is QEMU's status when the kernel writes 16 to isa-debug-exit:
// the device makes it (16<<1)|1.
const exitPanic = 33

// Exit is how a machine ended.
type Exit struct {
	Status int      `json:"status"`           // QEMU's exit status, or -1
	Signal string   `json:"signal,omitempty"` // what killed QEMU
	Killed bool     `json:"killed,omitempty"` // … and it was us
	QEMU   string   `json:"qemu,omitempty"`   // the last QEMU had to say on standard error
	Tail   []string `json:"tail,omitempty"`   // the console's last lines
}

// tailLines is how much of a console a report of a node's end quotes.
const tailLines = 20

// exitOf reads the end of a process that has been waited for.
func exitOf(cmd *exec.Cmd, stderr string, tail []string) Exit {
	e := Exit{Status: cmd.ProcessState.ExitCode(), QEMU: strings.TrimSpace(stderr), Tail: tail}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal().String()
	}
	return e
}

// Clean reports whether the node ended itself without complaint.
func (e Exit) Clean() bool { return e.Status == 0 }

// String says how the machine ended, in a few words.
func (e Exit) String() string {
	switch {
	case e.Killed:
		return "power cut"
	case e.Signal != "":
		return "QEMU was killed by another program: " + e.Signal
	case e.Status == 0:
		return "powered off"
	case e.Status == exitPanic:
		return "kernel panic"
	case e.QEMU != "":
		return fmt.Sprintf("QEMU failed with status %d: %s", e.Status, e.QEMU)
	}
	return fmt.Sprintf("ended with status %d", e.Status)
}
