package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// SlotsEnv sets how many QEMUs the tests on this host run at once; all of them
// must agree on it.
const SlotsEnv = "MOTILE_TEST_QEMUS"

// slots is how many there are: two a CPU, for nodes mostly wait for each
// other, and three at least, or no cluster would fit.
func slots() int {
	if n, err := strconv.Atoi(os.Getenv(SlotsEnv)); err == nil && n > 0 {
		return n
	}
	return max(3, 2*runtime.NumCPU())
}

// claim is the right to run some QEMUs: locks on as many files, which the
// kernel takes away when the process ends.
type claim struct {
	files []*os.File
}

// acquire waits until n QEMUs more may run. Who wants more than there are
// slots gets them all.
//
// Only who holds the gate takes slots, and it holds it until it has enough: two
// that want many cannot starve each other with half of what they need.
func acquire(ctx context.Context, n int) (*claim, error) {
	total := slots()
	n = min(n, total)
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("motile-qemu-slots-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	gate, err := lockOne(ctx, filepath.Join(dir, "gate"))
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	c := new(claim)
	for {
		for i := range total {
			if len(c.files) == n {
				return c, nil
			}
			file, err := tryLock(filepath.Join(dir, strconv.Itoa(i)))
			if err != nil {
				c.release()
				return nil, err
			}
			if file != nil {
				c.files = append(c.files, file)
			}
		}
		if len(c.files) == n {
			return c, nil
		}
		if err := pause(ctx); err != nil {
			c.release()
			return nil, err
		}
	}
}

func (c *claim) release() {
	for _, f := range c.files {
		f.Close()
	}
	c.files = nil
}

// lockOne waits for the lock on a file.
func lockOne(ctx context.Context, path string) (*os.File, error) {
	for {
		file, err := tryLock(path)
		if file != nil || err != nil {
			return file, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// tryLock returns nil, without an error, if somebody has the lock: a second
// descriptor of our own counts as somebody.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	file.Close()
	if err == unix.EWOULDBLOCK {
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("waited in vain for other tests to finish with their QEMUs: %w", context.Cause(ctx))
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}
