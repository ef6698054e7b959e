package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/cmd/operate"
	"motile/tools/flipnode/hostio"
)

// streams are this program's own input and output as objects that a process on a
// node has open.
type streams struct {
	in    *hostio.Input
	outs  []*hostio.Output
	files []api.FileRef // descriptors 0, 1 and 2
}

const (
	readOnly  = 0
	writeOnly = 1
	readWrite = 2
)

// streams serves them. If output and errors go to the same place they are one
// object, so that they stay in order.
func (n *network) streams(t terminal) (s *streams, err error) {
	s = new(streams)
	if s.in, err = hostio.NewInput(n.at.Flip, t.in); err != nil {
		return nil, err
	}
	at := s.in.Address()
	s.files = append(s.files, api.FileRef{Address: at[:], Flags: readOnly, Path: "host:stdin"})
	for _, f := range []struct {
		file *os.File
		name string
	}{{t.out, "host:stdout"}, {t.err, "host:stderr"}} {
		if len(s.outs) == 0 || !sameFile(t.out, f.file) {
			out, err := hostio.NewOutput(n.at.Flip, f.file)
			if err != nil {
				s.close()
				return nil, err
			}
			s.outs = append(s.outs, out)
		}
		at := s.outs[len(s.outs)-1].Address()
		s.files = append(s.files, api.FileRef{Address: at[:], Flags: writeOnly, Path: f.name})
	}
	return s, nil
}

func sameFile(a, b *os.File) bool {
	x, err1 := a.Stat()
	y, err2 := b.Stat()
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// close writes what was taken and ends the objects: what a process leaves behind
// in the background cannot write to us any more.
func (s *streams) close() {
	for _, out := range s.outs {
		out.Close()
	}
	s.in.Close()
}

// starter starts a process with descriptors of ours, the first of which may be its
// controlling terminal. The process is remembered when it ends: that may be before we
// can wait for it.
type starter func(ctx context.Context, files []api.FileRef, terminal bool) (pid int32, err error)

// exec starts a program on a node.
func (n *network) exec(node int, q *api.ExecRequest) starter {
	return func(ctx context.Context, files []api.FileRef, terminal bool) (int32, error) {
		q.Files, q.Terminal, q.Detached = files, terminal, true
		return n.Client.Node(node).Exec(ctx, q)
	}
}

// runStreams runs a process wired to our streams and returns its exit status.
func (n *network) runStreams(ctx context.Context, start starter, t terminal) (status int, err error) {
	s, err := n.streams(t)
	if err != nil {
		return 0, err
	}
	defer s.close()
	signal.Ignore(syscall.SIGPIPE) // it is the program's: its write fails as ours did
	pid, err := start(ctx, s.files, false)
	if err != nil {
		return 0, err
	}
	return n.attend(ctx, n.Client.Process(pid))
}

// killTimeout is how long a killed process has to be gone.
const killTimeout = 5 * time.Second

// attend waits for a process that runs for us. When we are interrupted its group
// gets the same signal, and we go on waiting; the second time it is killed.
func (n *network) attend(ctx context.Context, p *client.Process) (status int, err error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := n.wait(life, p)
	select {
	case e := <-ended:
		return e.status, e.err
	case <-ctx.Done():
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(again)
	n.signalGroup(life, p.PID, int(interruptOf(ctx)))
	select {
	case e := <-ended:
		return e.status, e.err
	case <-again:
	}
	n.signalGroup(life, p.PID, int(syscall.SIGKILL))
	select {
	case e := <-ended:
		return e.status, e.err
	case <-time.After(killTimeout):
		return 0, fmt.Errorf("process %d: was killed, and is not gone after %v (motile ps shows where it is)", p.PID, killTimeout)
	}
}

// forgetTimeout bounds what is done for a node's convenience.
const forgetTimeout = 300 * time.Millisecond

// ending is how a process has ended.
type ending struct {
	status int
	err    error
}

// wait waits for a process in the background, and lets its node forget it.
func (n *network) wait(life context.Context, p *client.Process) <-chan ending {
	ended := make(chan ending, 1)
	go func() {
		end, err := p.End(life)
		if end.Shaken != nil {
			fmt.Fprintf(n.Err, "motile: process %d: %s\n", p.PID, operate.ShakenText(end.Shaken))
		}
		if err == nil {
			forget, cancel := context.WithTimeout(life, forgetTimeout)
			_ = p.Destroy(forget) // if that fails the node forgets it later by itself
			cancel()
		}
		ended <- ending{client.ExitStatus(end.Status), err}
	}()
	return ended
}
