package cluster

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// identity names a process beyond the reuse of its id.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after the host's boot; 0: unknown
}

// identify looks a living process up.
func identify(pid int) (identity, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return identity{}, fmt.Errorf("process %d is gone", pid)
	}
	// proc(5): the second field is the program's name in parentheses and may
	// contain anything. Behind it come the state, field 3, and the start, 22.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, start = 0, 22 - 3
	if len(fields) <= start || fields[state][0] == 'Z' {
		return identity{}, fmt.Errorf("process %d has ended", pid)
	}
	ticks, err := strconv.ParseUint(string(fields[start]), 10, 64)
	return identity{pid, ticks}, err
}

// alive reports whether the process still runs.
func (id identity) alive() bool {
	now, err := identify(id.PID)
	return err == nil && now == id
}

// kill kills the process, if it is still the same, and waits until it is gone.
func (id identity) kill() error {
	if id.PID <= 1 || id.Start == 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if err != nil {
		return nil // gone
	}
	defer unix.Close(fd)
	// From here on fd is one certain process; is it ours?
	if !id.alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("process %d: %w", id.PID, err)
	}
	for deadline := time.Now().Add(killTimeout); id.alive(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d was killed and does not end: is its disk stuck?", id.PID)
		}
	}
	return nil
}

const killTimeout = 10 * time.Second
