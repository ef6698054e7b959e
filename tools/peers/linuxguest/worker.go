package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a worker may take to say something, or CRIU to come up.
const patience = 30 * time.Second

// nextPID is the id of the next worker. Ids that nothing else has are what a restored
// process and its threads can have at the target, too.
var nextPID = 20000

func reportFile(pid int) string { return fmt.Sprintf("/run/worker.%d", pid) }

// startWorker returns when it has its memory.
func startWorker(size, pages int) (int, error) {
	nextPID += 100
	if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(nextPID-1)), 0); err != nil {
		return 0, err
	}
	// The child's id is drawn when it is made, which is at once.
	c := exec.Command("/worker", strconv.Itoa(size), strconv.Itoa(pages), reportFile(nextPID))
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return 0, err
	}
	if c.Process.Pid != nextPID {
		return 0, fmt.Errorf("the worker is process %d, and not %d", c.Process.Pid, nextPID)
	}
	_, err := awaitLine(nextPID, "ready")
	return nextPID, err
}

// gap asks a worker for the longest time between two of its looks at the clock, and when
// that ended.
func gap(pid int) (longest, end int64, err error) {
	// What it has said before does not count.
	if err := os.Remove(reportFile(pid)); err != nil && !os.IsNotExist(err) {
		return 0, 0, err
	}
	if err := unix.Kill(pid, unix.SIGUSR1); err != nil {
		return 0, 0, fmt.Errorf("worker %d: %w", pid, err)
	}
	line, err := awaitLine(pid, "gap ")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscanf(line, "gap %d %d", &longest, &end)
	return longest, end, err
}

// awaitLine waits until a worker's report has a whole line.
func awaitLine(pid int, start string) (string, error) {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(reportFile(pid))
		if err == nil && strings.HasPrefix(string(text), start) && strings.HasSuffix(string(text), "\n") {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("worker %d said nothing for %v", pid, patience)
}

// killWorker ends a worker and waits until it is gone, whoever's child it is.
func killWorker(pid int) error {
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		return fmt.Errorf("worker %d: %w", pid, err)
	}
	os.Remove(reportFile(pid))
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		unix.Wait4(pid, nil, unix.WNOHANG, nil) // it may be ours
		if unix.Kill(pid, 0) == unix.ESRCH {
			return nil
		}
	}
	return fmt.Errorf("worker %d does not die", pid)
}
