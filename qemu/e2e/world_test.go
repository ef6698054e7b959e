package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/harness"
	"motile/tools/flipnode"
	"motile/tools/flipnode/hostio"
)

// world is a cluster, and the test's own place on its network.
type world struct {
	*harness.Cluster
	t      testing.TB
	ctx    context.Context // ends at the test's deadline
	flip   *flipnode.Node
	client *client.Client
	key    [32]byte // the cluster's
}

// boot starts a cluster and joins its network.
func boot(t testing.TB, opt harness.Options) *world {
	t.Helper()
	c := harness.Start(t, opt)
	w := &world{Cluster: c, t: t, ctx: c.Context()}
	key, err := c.Dir().LoadKey()
	w.must(err)
	w.flip, err = flipnode.DialMTU(c.HostSocket(), c.Networks()[0].MTU)
	w.must(err)
	t.Cleanup(func() { w.flip.Close() })
	w.client, w.key = client.New(w.flip, key), [32]byte(key)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// program is a process that the test has started: its input comes from the test,
// and its output and errors arrive there.
type program struct {
	*client.Process
	w     *world
	in    *os.File // the host's pipe holds what the program does not read yet
	out   *transcript
	files []api.FileRef // its descriptors 0 to 2

	ended bool // and somebody has seen it
}

// run starts a program of the nodes' archive. Its words are those of args, the
// first of which is its path.
func (w *world) run(node int, args ...string) *program {
	w.t.Helper()
	return w.runShaken(node, nil, args...)
}

// runShaken is run, and has the program shaken.
func (w *world) runShaken(node int, shake *api.Shake, args ...string) *program {
	w.t.Helper()
	const readOnly, writeOnly = 0, 1
	r, typed, err := os.Pipe()
	w.must(err)
	p := &program{w: w, in: typed, out: newTranscript()}
	in, err := hostio.NewInput(w.flip, r)
	w.must(err)
	out, err := hostio.NewOutput(w.flip, p.out)
	w.must(err)
	w.t.Cleanup(func() {
		typed.Close()
		in.Close()
		out.Close()
		r.Close()
	})
	from, to := in.Address(), out.Address()
	output := api.FileRef{Address: to[:], Flags: writeOnly, Path: "host:out"}
	p.files = []api.FileRef{{Address: from[:], Flags: readOnly, Path: "host:in"}, output, output}
	pid, err := w.client.Node(node).Exec(w.ctx, &api.ExecRequest{
		Path: args[0], Args: args, Cwd: "/", Env: []string{"PATH=/bin:/bbin:/test", "HOME=/root"},
		Files:    p.files,
		Detached: true, // its end is remembered until we ask
		Shake:    shake,
	})
	w.must(err)
	p.Process = w.client.Process(pid)
	w.t.Cleanup(func() {
		if w.t.Failed() && !p.ended {
			w.t.Logf("process %d, %q, printed last:\n%s", pid, args, p.out.tail(12))
		}
	})
	return p
}

// send gives the program input.
func (p *program) send(text string) {
	p.w.t.Helper()
	_, err := p.in.WriteString(text)
	p.w.must(err)
}

// ps is what processes there are, for a failure's report.
func (w *world) ps() string {
	var b strings.Builder
	var nodes []int
	for _, n := range w.Nodes() {
		nodes = append(nodes, n.Number)
	}
	// The test's own time may be what has run out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 5*time.Second)
	defer cancel()
	list, err := w.client.Processes(ctx, nodes)
	for _, i := range list {
		command, _, _ := strings.Cut(i.Command, "\n")
		fmt.Fprintf(&b, "  %d of %d on %v: %s, %d threads, %s\n", i.PID, i.Parent, i.Trail, i.State, i.Threads, command)
	}
	if err != nil {
		fmt.Fprintf(&b, "  %v\n", err)
	}
	return b.String()
}

// await waits for a line of output that matches, behind the one that the last
// await found, and returns it with the expression's groups.
func (p *program) await(re string) []string {
	p.w.t.Helper()
	found, err := p.out.find(p.w.ctx, re)
	if err != nil {
		p.w.t.Fatalf("process %d: waiting for %q: %v", p.PID, re, err)
	}
	return found
}

// move moves the program to a node.
func (p *program) move(node int) api.MigrateReply {
	p.w.t.Helper()
	r, err := p.Migrate(p.w.ctx, client.Move{Target: node})
	p.w.must(err)
	if r.Node != node {
		p.w.t.Fatalf("process %d is on node %d after its move to %d", p.PID, r.Node, node)
	}
	return r
}

// attempt is a move on a bad wire, which is given up if the target is silent for over a
// second: then the program goes on where it is. It reports whether it moved.
func (p *program) attempt(node int) bool {
	p.w.t.Helper()
	_, err := p.Migrate(p.w.ctx, client.Move{Target: node})
	if err != nil {
		p.w.t.Logf("process %d stays where it is: %v", p.PID, err)
	}
	return err == nil
}

// endsWithin bounds how long a program that has nothing left to wait for goes on.
const endsWithin = 30 * time.Second

// end waits until the program has ended, and returns its exit status as a shell
// would see it.
func (p *program) end() int {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.ctx, endsWithin)
	defer cancel()
	status, err := p.Wait(ctx)
	if err != nil {
		p.w.t.Fatalf("waiting for the end of process %d: %v\n%s", p.PID, err, p.w.ps())
	}
	p.ended = true
	p.w.must(p.Destroy(p.w.ctx)) // its node need not remember it any more
	return client.ExitStatus(status)
}
