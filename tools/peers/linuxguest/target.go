package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"motile/tools/peers/orders"
)

const pagePort = orders.PagePort

// Target is what a guest does for another one that moves a worker to it.
type Target struct {
	pages, lazy *exec.Cmd // CRIU's servers, while they run
}

// Void is nothing.
type Void struct{}

// serveTarget serves moves to this guest.
func serveTarget() error {
	if err := rpc.Register(new(Target)); err != nil {
		return err
	}
	for port, serve := range map[int]func(net.Conn){
		orders.RPCPort: func(c net.Conn) { rpc.ServeConn(c) },
		orders.FilePort: func(c net.Conn) {
			receiveFiles(c, "/") // its error is the sender's, too
			c.Close()
		},
	} {
		l, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c)
			}
		}()
	}
	return nil
}

// Clock is the time here, in ns.
func (*Target) Clock(_ Void, now *int64) error {
	*now = time.Now().UnixNano()
	return nil
}

// Reset ends what a move that failed has left.
func (t *Target) Reset(Void, *Void) error {
	for _, c := range []*exec.Cmd{t.pages, t.lazy} {
		if c != nil {
			c.Process.Kill() // after Wait it does nothing
			c.Wait()
		}
	}
	t.pages, t.lazy = nil, nil
	return nil
}

// Adjust turns the clock on by so many ns.
func (*Target) Adjust(by int64, _ *Void) error {
	t := unix.NsecToTimeval(time.Now().UnixNano() + by)
	return unix.Settimeofday(&t)
}

// Folder makes an empty folder for images that are copied, and those before may belong to.
func (*Target) Folder(j Job, _ *Void) error {
	err := emptyFolder(j.Dir)
	if err == nil && j.Prev != "" {
		err = os.Symlink(j.Prev, j.Dir+"/parent") // as CRIU does
	}
	return err
}

func emptyFolder(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

// Job is a job for the target's CRIU.
type Job struct {
	Dir, Prev, Server string
	PID               int
	Lazy, Resident    bool
}

// PageServer has CRIU take pages of a dump, once.
func (t *Target) PageServer(j Job, _ *Void) error {
	pages := &job{do: "page-server", dir: j.Dir, prev: j.Prev, server: "0.0.0.0", resident: j.Resident}
	if t.pages = nil; j.Resident {
		return pages.ask()
	}
	t.pages = pages.command()
	if err := t.pages.Start(); err != nil {
		return err
	}
	return awaitListener(pagePort)
}

// PagesDone waits until it has. The service's has when the dump has ended.
func (t *Target) PagesDone(Void, *Void) error {
	if t.pages == nil {
		return nil
	}
	return t.pages.Wait()
}

// Size is how much is in a folder of images.
func (*Target) Size(dir string, n *int64) (err error) {
	*n, err = imageBytes(dir)
	return err
}

// LazyPages has CRIU fetch pages from the source, for a process that Restore makes. The
// service does not do that.
func (t *Target) LazyPages(j Job, _ *Void) error {
	lazy := &job{do: "lazy-pages", dir: j.Dir, server: j.Server, lazy: true}
	t.lazy = lazy.command()
	if err := t.lazy.Start(); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(j.Dir + "/lazy-pages.socket"); err == nil {
			return nil
		}
	}
	return lazy.fail(errors.New("it does not come up"))
}

// LazyDone waits until all pages are here.
func (t *Target) LazyDone(Void, *Void) error { return t.lazy.Wait() }

// Restore makes the process from its images, and says when that was done.
func (t *Target) Restore(j Job, at *int64) error {
	err := (&job{do: "restore", dir: j.Dir, lazy: j.Lazy, resident: j.Resident}).run()
	*at = time.Now().UnixNano()
	if err != nil && j.Lazy {
		err = (&job{do: "lazy-pages", dir: j.Dir}).fail(errors.Join(err, t.lazy.Wait()))
	}
	return err
}

// Report is what the worker saw.
type Report struct{ Gap, End int64 }

// Ask asks the worker.
func (*Target) Ask(pid int, r *Report) (err error) {
	r.Gap, r.End, err = gap(pid)
	return err
}

// Kill ends the worker.
func (*Target) Kill(pid int, _ *Void) error { return killWorker(pid) }

// awaitListener waits until there is a server at a TCP port of ours, without connecting
// to it: CRIU's page server serves one who does.
func awaitListener(port int) error {
	listening := fmt.Sprintf(":%04X 00000000:0000 0A", port)
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			return err
		}
		if bytes.Contains(table, []byte(listening)) {
			return nil
		}
	}
	return fmt.Errorf("nobody listens at port %d", port)
}
