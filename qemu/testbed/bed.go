package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/tools/flipnode"
)

// What make built, from the top of the module, where we are started.
const (
	Kernel      = "build/kernel.elf"
	BootArchive = "build/initrd.cpio"
	Archive     = "build/test.cpio" // with the tests' programs in /test
	motileFile  = "bin/motile"
)

// Built says what is missing, if anything is.
func Built() error {
	for _, f := range []string{Kernel, Archive, motileFile} {
		if _, err := os.Stat(f); err != nil {
			return fmt.Errorf("%w: run make all guests first, and this at the top", err)
		}
	}
	return nil
}

// LoadAverage is how busy the host was in the last 1, 5 and 15 minutes (proc(5)).
func LoadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

// Bed is a cluster that things are measured on.
type Bed struct {
	Dir    cluster.Dir
	Status cluster.Status // when it was up
	Client *client.Client // with the rights of the cluster's owner

	flip *flipnode.Node
}

// Nodes are so many that are like all others.
func Nodes(n int) []cluster.NodeSpec { return make([]cluster.NodeSpec, n) }

// First are the numbers of the first n nodes.
func First(n int) (numbers []int) {
	for i := range n {
		numbers = append(numbers, i+1)
	}
	return numbers
}

// Up boots a cluster, of the kernel that make built.
func Up(ctx context.Context, nodes []cluster.NodeSpec, conf cluster.Config) (*Bed, error) {
	path, err := os.MkdirTemp("", "mb") // a short name, for sockets
	if err != nil {
		return nil, err
	}
	b := &Bed{Dir: cluster.Dir(path)}
	conf.Kernel = Kernel
	if err := b.boot(ctx, nodes, conf); err != nil {
		b.Down()
		return nil, err
	}
	return b, nil
}

func (b *Bed) boot(ctx context.Context, nodes []cluster.NodeSpec, conf cluster.Config) (err error) {
	daemon, err := filepath.Abs(motileFile)
	if err != nil {
		return err
	}
	b.Status, err = cluster.Up(ctx, cluster.UpOptions{
		Dir: b.Dir, Daemon: []string{daemon, "daemon"}, Nodes: nodes, Config: conf,
	})
	if err != nil {
		return err
	}
	key, err := b.Dir.LoadKey()
	if err != nil {
		return err
	}
	if b.flip, err = flipnode.Dial(b.Status.Hosts); err != nil {
		return err
	}
	b.Client = client.New(b.flip, key)
	return nil
}

// Detach ends our own attachment to the bridge; Client is of no use any more.
func (b *Bed) Detach() {
	if b.flip != nil {
		b.flip.Close()
		b.flip = nil
	}
}

// Down stops the cluster and removes what it has left on the host.
func (b *Bed) Down() error {
	b.Detach()
	_, err := cluster.Down(context.Background(), b.Dir)
	return errors.Join(err, os.RemoveAll(string(b.Dir)))
}

// Start runs a program of qemu/guest on a node.
func (b *Bed) Start(ctx context.Context, node int, program string, args ...string) (*client.Process, error) {
	return b.StartPath(ctx, node, "/test/"+program, args...)
}

// StartPath runs any program on a node. What it prints is kept there, in its log.
func (b *Bed) StartPath(ctx context.Context, node int, path string, args ...string) (*client.Process, error) {
	pid, err := b.Client.Node(node).Exec(ctx, &api.ExecRequest{
		Path: path, Args: append([]string{path}, args...), Cwd: "/",
		Files: client.LogFiles(), Detached: true,
	})
	if err != nil {
		return nil, err
	}
	return b.Client.Process(pid), nil
}

// Numbers runs a program on node 1 to its end and returns the numbers it printed.
func (b *Bed) Numbers(ctx context.Context, program string, args ...string) (Sample, error) {
	return b.NumbersOn(ctx, 1, program, args...)
}

// NumbersOn is Numbers on a given node.
func (b *Bed) NumbersOn(ctx context.Context, node int, program string, args ...string) (s Sample, err error) {
	text, err := b.Run(ctx, node, "/test/"+program, args...)
	if err != nil {
		return nil, err
	}
	for field := range strings.FieldsSeq(text) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
		}
		s = append(s, v)
	}
	return s, nil
}

// Run runs a program to its end, which must be a good one, and returns what it printed.
func (b *Bed) Run(ctx context.Context, node int, path string, args ...string) (string, error) {
	p, err := b.StartPath(ctx, node, path, args...)
	if err != nil {
		return "", err
	}
	status, err := p.Wait(ctx)
	if err != nil {
		return "", err
	}
	text, err := wholeLog(ctx, p)
	if err == nil && status != 0 {
		err = fmt.Errorf("%s %s: %s\n%s", path, strings.Join(args, " "), client.Ending(status), text)
	}
	return text, errors.Join(err, p.Destroy(ctx))
}

func wholeLog(ctx context.Context, p *client.Process) (string, error) {
	var all []byte
	for {
		text, _, err := p.Log(ctx, int64(len(all)), 64<<10, true)
		if err != nil || len(text) == 0 {
			return string(all), err
		}
		all = append(all, text...)
	}
}

// Await waits until a program has printed something.
func Await(ctx context.Context, p *client.Process) error {
	text, _, err := p.Log(ctx, 0, 64, true)
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("process %d ended without a word", p.PID)
	}
	return err
}
