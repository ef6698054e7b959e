package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// downTimeout is what a daemon has to stop in an orderly manner. Cutting the
// power of a dozen QEMUs takes a fraction of a second. Changed by tests only.
var downTimeout = 15 * time.Second

// freeTimeout is how long after its daemon's end a folder may stay locked.
const freeTimeout = 10 * time.Second

// goingTimeout is how long a folder may stay locked by one and the same though nobody
// answers in it: its cluster has just gone, or another Down sees to what one left there.
const goingTimeout = time.Second

// Down stops the cluster in a folder and removes what it left there but for
// key and logs. It succeeds whatever the condition of daemon and folder, if
// need be by killing; ran says whether there was anything to stop.
func Down(ctx context.Context, dir Dir) (ran bool, err error) {
	dir, err = dir.Absolute()
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(string(dir)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	l, err := dir.take()
	var running *RunningError
	if !errors.As(err, &running) {
		if err != nil {
			return false, err
		}
		defer l.release()
		return dir.recover()
	}
	ask, cancel := context.WithTimeout(ctx, downTimeout)
	defer cancel()
	patience := freeTimeout
	if err := dir.askDown(ask); err != nil {
		patience = goingTimeout
	}
	if err := dir.awaitDown(patience); err == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		return true, context.Cause(ctx)
	}
	return true, dir.forceDown()
}

func (d Dir) askDown(ctx context.Context) error {
	c, err := Connect(d)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.down(ctx)
}

// awaitDown waits until the cluster's program has let go of the folder.
func (d Dir) awaitDown(patience time.Duration) error {
	l, err := d.await(patience)
	if err != nil {
		return err
	}
	defer l.release()
	_, err = d.recover() // if it was killed
	return err
}

// forceDown kills whoever holds the lock; the QEMUs die with it.
func (d Dir) forceDown() error {
	l, err := d.take()
	var running *RunningError
	switch {
	case errors.As(err, &running) && running.Owner.PID == os.Getpid():
		return fmt.Errorf("the cluster in %s belongs to this program: close it there", d)
	case errors.As(err, &running):
		if err := running.Owner.kill(); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		l.release()
	}
	return d.awaitDown(freeTimeout)
}
