package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"motile/qemu/machine"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// UpOptions are Up's.
type UpOptions struct {
	Dir      Dir
	Config   Config
	Nodes    []NodeSpec
	Daemon   []string     // the command whose main calls Daemon; default: this program, "daemon"
	Progress func(string) // told what happens; may be nil
}

// Up starts a cluster in the background and returns when all its nodes answer.
// If one does not, or ctx ends first, nothing is left running.
func Up(ctx context.Context, opt UpOptions) (Status, error) {
	dir, err := opt.prepare(ctx)
	if err != nil {
		return Status{}, err
	}
	order, err := json.Marshal(order{dir, opt.Config, opt.Nodes})
	if err != nil {
		return Status{}, err
	}
	logged := logSize(dir)
	conn, cmd, err := spawn(dir, opt.Daemon)
	if err != nil {
		return Status{}, err
	}
	go cmd.Wait() // reaps it, should it end before we do

	c := &Client{conn: conn, in: bufio.NewReader(conn), progress: opt.Progress}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := conn.Write(append(order, '\n')); err != nil {
		return Status{}, c.lost(ctx, "up", err)
	}
	status, err := readReply[Status](ctx, c, "up")
	if err == nil {
		_, err = conn.Write([]byte("\n"))
	}
	switch {
	case err == nil:
		return status, nil
	case ctx.Err() != nil:
		return Status{}, errors.Join(context.Cause(ctx), dir.awaitDown(freeTimeout))
	case errors.Is(err, io.EOF):
		return Status{}, fmt.Errorf("the daemon died; its log (%s) says:\n%s", dir.DaemonLog(), logSince(dir, logged))
	}
	return Status{}, err
}

// prepare refuses what could not succeed before anything is started.
func (opt *UpOptions) prepare(ctx context.Context) (Dir, error) {
	if err := opt.Config.prepare(); err != nil {
		return "", err
	}
	if err := machine.CheckVersion(ctx, opt.Config.QEMU); err != nil {
		return "", err
	}
	dir, err := opt.Dir.Absolute()
	if err != nil {
		return "", err
	}
	if err := dir.create(); err != nil {
		return "", err
	}
	l, err := dir.take()
	if err != nil {
		return "", err
	}
	l.release()
	if len(opt.Daemon) == 0 {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		opt.Daemon = []string{self, "daemon"}
	}
	return dir, nil
}

// spawn starts the daemon, in a session of its own, and returns the other end
// of its standard input.
func spawn(dir Dir, command []string) (net.Conn, *exec.Cmd, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("start daemon: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "daemon"), os.NewFile(uintptr(fds[1]), "up")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, nil, fmt.Errorf("start daemon: %w", err)
	}
	log, err := os.OpenFile(dir.DaemonLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("start daemon: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/" // so that it keeps no folder busy
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("start daemon: %w", err)
	}
	return conn, cmd, nil
}

func logSize(dir Dir) int64 {
	info, err := os.Stat(dir.DaemonLog())
	if err != nil {
		return 0
	}
	return info.Size()
}

// logSince is what the daemon logged from a position on, or the end of that.
func logSince(dir Dir, from int64) string {
	text, err := os.ReadFile(dir.DaemonLog())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text[min(from, int64(len(text))):]), "\n"), "\n")
	const most = 30
	return "  " + strings.Join(lines[max(0, len(lines)-most):], "\n  ")
}
