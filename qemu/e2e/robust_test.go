package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/harness"
	"motile/qemu/soak"
	"motile/tools/flipnode/hostio"
)

// What the tests of robustness share: a cluster, a process whose output comes to
// the host, and the wire, on which one step of a move is told from another.

// robustLab is a world in which something is to go wrong.
type robustLab struct{ *world }

func newRobustLab(t testing.TB, opt harness.Options) *robustLab {
	t.Helper()
	return &robustLab{boot(t, opt)}
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
	pid, err := l.client.Node(node).Exec(l.within(20*time.Second), &api.ExecRequest{
		Path: args[0], Args: args, Cwd: "/root", Env: []string{"PATH=/bin:/bbin:/test"}, Files: files, Detached: true,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return l.client.Process(pid)
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
	lab *robustLab
}

func (l *robustLab) ticker(node int, args ...string) *ticker {
	l.t.Helper()
	k := &ticker{lab: l}
	out, err := hostio.NewOutput(l.flip, k)
	if err != nil {
		l.t.Fatal(err)
	}
	at := out.Address()
	file := api.FileRef{Address: at[:], Path: "output", Flags: 1}
	k.Process = l.exec(node, []api.FileRef{{Path: "/dev/null"}, file, file}, append([]string{"/test/ticker"}, args...)...)
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
	states = map[int]string{}
	for _, n := range k.lab.Nodes() {
		if n.State != "running" {
			continue
		}
		list, err := k.lab.client.Node(n.Number).List(k.lab.within(5 * time.Second))
		if err != nil {
			k.lab.t.Fatal(err)
		}
		for _, p := range list {
			if p.PID == k.PID {
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
	ctx := k.lab.Context()
	go func() {
		r, err := k.Migrate(ctx, client.Move{Target: node})
		done <- moved{r, err}
	}()
	return done
}

// moveStep is a message of a move: a request of the source's, or its answer.
type moveStep struct {
	name    string
	command uint32
	answer  bool
	from    int // the node that sends the request; 0: any
}

func (s moveStep) String() string { return s.name }

// moveSteps are all that a move needs (migrate/move), if the target has the files.
var moveSteps = []moveStep{
	{"offer", api.MoveOffer, false, 0}, {"accept", api.MoveOffer, true, 0},
	{"pages", api.MovePages, false, 0}, {"pages arrived", api.MovePages, true, 0},
	{"prepare", api.MovePrepare, false, 0}, {"ready", api.MovePrepare, true, 0},
	{"commit", api.MoveCommit, false, 0}, {"committed", api.MoveCommit, true, 0},
}

// at calls strike once, just before the frame of a step is delivered: with faults
// that strike sets, it may not be. The channel is closed when that has happened.
func (l *robustLab) at(s moveStep, strike func()) <-chan struct{} {
	var mu sync.Mutex
	var tid uint64
	struck := false
	done := make(chan struct{})
	l.Bridge().Watch(func(port string, frame []byte) {
		var h flip.Header
		payload, ok := flip.Decode(&h, frame)
		if !ok || h.Type != flip.UniData || h.Proto != flip.ProtoRPC || h.Offset != 0 {
			return
		}
		m, ok := rpc.Summarize(payload)
		mu.Lock()
		defer mu.Unlock()
		if !ok || struck || s.from != 0 && m.Type == rpc.Request && port != fmt.Sprintf("n%d", s.from) {
			return
		}
		switch {
		case m.Type == rpc.Request && m.Header.Command == s.command && !s.answer:
		case m.Type == rpc.Request && m.Header.Command == s.command:
			tid = m.Tid
			return
		case m.Type == rpc.Reply && tid != 0 && m.Tid == tid:
		default:
			return
		}
		struck = true
		strike()
		close(done)
	})
	return done
}
