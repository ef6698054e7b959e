package e2e

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/movestep"
	"motile/qemu/bridge"
	"motile/qemu/harness"
	"motile/qemu/soak"
	"motile/tools/flipnode/hostio"
)

// What the tests of robustness share: a cluster, a process whose output comes to
// the host, and the wire, on which one step of a move is told from another.

// robustLab is a world in which something is to go wrong.
type robustLab struct {
	*world
	movers int // so many have been started
}

func newRobustLab(t testing.TB, opt harness.Options) *robustLab {
	t.Helper()
	return &robustLab{world: boot(t, opt)}
}

// within is a context that ends after d, or with the test.
func (l *robustLab) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(l.Context(), d)
	l.t.Cleanup(cancel)
	return ctx
}

// exec starts a program on a node.
func (l *robustLab) exec(node int, files []api.FileRef, args ...string) *client.Process {
	l.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		pid, err := l.client.Node(node).Exec(l.within(20*time.Second), &api.ExecRequest{
			Path: args[0], Args: args, Cwd: "/root", Env: []string{"PATH=/bin:/bbin:/test"}, Files: files, Detached: true,
		})
		var full *client.ExecError
		switch {
		case err == nil:
			return l.client.Process(pid)
		case errors.As(err, &full) && full.Errno == int(syscall.ENOMEM) && time.Now().Before(end):
			// A kernel whose heap is full of garbage collects it now and then only.
		default:
			l.t.Fatal(err)
		}
	}
}

// run runs a program to its end, and returns its output and wait status.
func (l *robustLab) run(node int, limit time.Duration, args ...string) (string, int) {
	l.t.Helper()
	p := l.exec(node, client.LogFiles(), args...)
	status, err := p.Wait(l.within(limit))
	text := l.log(p)
	if err != nil {
		l.t.Fatalf("%v on node %d has not ended after %v: %v; it printed:\n%s", args, node, limit, err, text)
	}
	return text, status
}

// log is what a detached process has printed.
func (l *robustLab) log(p *client.Process) string {
	l.t.Helper()
	var all strings.Builder
	for off := int64(0); ; {
		text, first, err := p.Log(l.within(20*time.Second), off, 32<<10, false)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(text) == 0 {
			return all.String()
		}
		all.Write(text)
		off = first + int64(len(text))
	}
}

// answers checks that a node's shell and process server do.
func (l *robustLab) answers(node int) {
	l.t.Helper()
	if text, status := l.run(node, 20*time.Second, "/bin/sh", "-c", "echo $((6*7))"); text != "42\n" || status != 0 {
		l.t.Fatalf("node %d: a shell says %q, status %#x", node, text, status)
	}
}

// faults puts faults in force.
func (l *robustLab) faults(f bridge.Faults) {
	l.t.Helper()
	if _, err := l.Bridge().SetFaults(f); err != nil {
		l.t.Fatal(err)
	}
}

// ticker is a running /test/ticker whose lines come to the host: both copies', if
// there were two.
type ticker struct {
	*client.Process
	soak.Lines
	lab  *robustLab
	pids []int32 // of all that move with it, its own first
}

func (l *robustLab) ticker(node int, args ...string) *ticker {
	l.t.Helper()
	return l.tick(node, api.FileRef{Path: "/dev/null"}, nil, append([]string{"/test/ticker"}, args...)...)
}

// tick starts a program that prints a ticker's lines. Its errors go where its lines do,
// if they go nowhere else.
func (l *robustLab) tick(node int, in api.FileRef, errors *api.FileRef, args ...string) *ticker {
	l.t.Helper()
	k := &ticker{lab: l}
	out, err := hostio.NewOutput(l.flip, k)
	if err != nil {
		l.t.Fatal(err)
	}
	at := out.Address()
	file := api.FileRef{Address: at[:], Path: "output", Flags: 1}
	if errors == nil {
		errors = &file
	}
	k.Process = l.exec(node, []api.FileRef{in, file, *errors}, args...)
	k.pids = []int32{k.PID}
	k.progress(10 * time.Second)
	return k
}

// progress waits until a line comes, which must be the next one, and returns when
// that was.
func (k *ticker) progress(limit time.Duration) time.Time {
	k.lab.t.Helper()
	if err := k.Await(k.lab.within(limit)); err != nil {
		k.lab.t.Fatalf("process %d: %v", k.PID, err)
	}
	return time.Now()
}

// copies lists the states of all copies of a process.
func (k *ticker) copies() (states map[int]string) {
	k.lab.t.Helper()
	return k.lab.copies(k.PID)
}

func (l *robustLab) copies(pid int32) (states map[int]string) {
	l.t.Helper()
	states = map[int]string{}
	for _, n := range l.Nodes() {
		if n.State != "running" {
			continue
		}
		list, err := l.client.Node(n.Number).List(l.within(5 * time.Second))
		if err != nil {
			l.t.Fatal(err)
		}
		for _, p := range list {
			if p.PID == pid {
				states[n.Number] = p.State
			}
		}
	}
	return states
}

// settled waits until there is exactly one copy, which can run, and says where.
func (k *ticker) settled(limit time.Duration) (node int) {
	k.lab.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		states := k.copies()
		if len(states) == 1 {
			for node, s := range states {
				if strings.Contains("RSD", s) {
					return node
				}
			}
		}
		if time.Now().After(end) {
			k.lab.t.Fatalf("process %d is in these states on these nodes after %v: %v", k.PID, limit, states)
		}
	}
}

// moved is how a move ended.
type moved struct {
	api.MigrateReply
	err error
}

// move orders a move and does not wait for it.
func (k *ticker) move(node int) <-chan moved {
	done := make(chan moved, 1)
	ctx, m := k.lab.Context(), client.Move{Target: node, Tree: len(k.pids) > 1}
	go func() {
		r, err := k.Migrate(ctx, m)
		done <- moved{r, err}
	}()
	return done
}

// at strikes at a step of a move from a node.
func (l *robustLab) at(s movestep.Step, from int, strike func()) <-chan struct{} {
	return soak.At(l.Bridge(), s, from, strike)
}
