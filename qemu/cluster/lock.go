package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lock is the right to run a cluster in a folder. The kernel frees it when its
// holder ends, in whatever way.
type lock struct {
	file *os.File
}

// owner is what the holder writes into the lock file.
type owner struct {
	identity
	Since time.Time `json:"since"`
}

// RunningError says that a cluster runs in the folder.
type RunningError struct {
	Dir   Dir
	Owner owner
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("a cluster already runs in %s (process %d, since %s): stop it by “motile --dir %s down”, or choose another --dir",
		e.Dir, e.Owner.PID, e.Owner.Since.Format(time.TimeOnly), e.Dir)
}

// dying is how long a holder may hold the lock after it was killed: the kernel frees it
// when the last thread has ended, a moment after nobody sees the process run any more.
const dying = 5 * time.Second

// take takes the lock or fails with a RunningError.
func (d Dir) take() (*lock, error) {
	deadline := time.Now().Add(dying)
	for {
		l, err := d.tryTake()
		var running *RunningError
		if !errors.As(err, &running) || running.Owner.PID == 0 || running.Owner.alive() || time.Now().After(deadline) {
			return l, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (d Dir) tryTake() (*lock, error) {
	file, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cluster lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &RunningError{d, readOwner(file)}
		}
		return nil, fmt.Errorf("cluster lock %s: %w", d.lock(), err)
	}
	l := &lock{file}
	me, err := identify(os.Getpid())
	if err == nil {
		err = l.write(owner{me, time.Now()})
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cluster lock %s: %w", d.lock(), err)
	}
	return l, nil
}

// await waits for the lock, for so long that one and the same has it.
func (d Dir) await(patience time.Duration) (*lock, error) {
	var last owner
	deadline := time.Now().Add(patience)
	for {
		l, err := d.take()
		var running *RunningError
		if !errors.As(err, &running) {
			return l, err
		}
		if now := time.Now(); running.Owner != last {
			last, deadline = running.Owner, now.Add(patience)
		} else if now.After(deadline) {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *lock) write(o owner) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(append(text, '\n'), 0)
	return err
}

// readOwner is the zero owner while the holder has not written yet.
func readOwner(file *os.File) (o owner) {
	buf := make([]byte, 512)
	n, _ := file.ReadAt(buf, 0)
	json.Unmarshal(buf[:n], &o)
	return o
}

// lost reports whether the lock no longer means anything, because its file,
// or the whole folder, was removed.
func (l *lock) lost(d Dir) bool {
	there, err := os.Stat(d.lock())
	if err != nil {
		return true
	}
	ours, err := l.file.Stat()
	return err != nil || !os.SameFile(there, ours)
}

// release gives the lock up. The file stays: removing it would let two
// holders lock two files of the same name.
func (l *lock) release() { l.file.Close() }
