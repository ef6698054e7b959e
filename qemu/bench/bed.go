package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"motile/ipc/capability"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/tools/flipnode"
)

// What make built, from the top of the module, where we are started.
const (
	kernelFile  = "build/kernel.elf"
	archiveFile = "build/initrd.cpio"
	testArchive = "build/test.cpio" // with /test/bench in it
	motileFile  = "bin/motile"
)

// bench is what all suites share.
type bench struct {
	short   bool
	runs    int // how often each measurement is taken
	profile int // µs between samples of where the kernels are, 0: none
	report  report
}

func newBench(short bool) (*bench, error) {
	for _, f := range []string{kernelFile, testArchive, motileFile} {
		if _, err := os.Stat(f); err != nil {
			return nil, fmt.Errorf("%w: run make bench, at the top", err)
		}
	}
	b := &bench{short: short, runs: 10}
	if short {
		b.runs = 1
	}
	b.report = report{Began: time.Now(), CPUs: runtime.NumCPU(), Runs: b.runs, judges: !short}
	b.report.Load[0] = loadAverage()
	return b, nil
}

// some is how many of n there are to be: few, if we only try whether it works.
func (b *bench) some(n int) int {
	if b.short {
		return min(n, 3)
	}
	return n
}

// bed is a cluster that things are measured on: its bridge runs in the same daemon
// as everybody's.
type bed struct {
	dir    cluster.Dir
	status cluster.Status
	flip   *flipnode.Node
	client *client.Client

	profiling *profiling // of its nodes; nil: none
}

// up boots a cluster from a boot archive.
func (b *bench) up(ctx context.Context, nodes int, archive string) (*bed, error) {
	return b.upMTU(ctx, nodes, archive, machine.DefaultMTU)
}

// upMTU is up, on a network of a given MTU.
func (b *bench) upMTU(ctx context.Context, nodes int, archive string, mtu int) (*bed, error) {
	return b.upNodes(ctx, make([]cluster.NodeSpec, nodes), archive, mtu)
}

// upNodes is upMTU of nodes that are not like all others.
func (b *bench) upNodes(ctx context.Context, nodes []cluster.NodeSpec, archive string, mtu int) (*bed, error) {
	return b.upWith(ctx, nodes, cluster.Config{Initrd: archive, Nets: []cluster.NetSpec{{Name: cluster.DefaultNet, MTU: mtu}}})
}

// upWith is upNodes of a cluster that is not like all others.
func (b *bench) upWith(ctx context.Context, nodes []cluster.NodeSpec, conf cluster.Config) (*bed, error) {
	path, err := os.MkdirTemp("", "mb") // a short name, for sockets
	if err != nil {
		return nil, err
	}
	c := &bed{dir: cluster.Dir(path)}
	conf.Kernel = kernelFile
	err = c.boot(ctx, nodes, conf)
	if err == nil && b.profile > 0 {
		err = c.startProfiles(ctx, time.Duration(b.profile)*time.Microsecond)
	}
	if err != nil {
		c.down()
		return nil, err
	}
	return c, nil
}

func (b *bed) boot(ctx context.Context, nodes []cluster.NodeSpec, conf cluster.Config) (err error) {
	daemon, err := filepath.Abs(motileFile)
	if err != nil {
		return err
	}
	b.status, err = cluster.Up(ctx, cluster.UpOptions{
		Dir: b.dir, Daemon: []string{daemon, "daemon"}, Nodes: nodes, Config: conf,
	})
	if err != nil {
		return err
	}
	key, err := b.dir.LoadKey()
	if err != nil {
		return err
	}
	if b.flip, err = flipnode.Dial(b.status.Hosts); err != nil {
		return err
	}
	b.client = client.New(b.flip, key)
	return nil
}

func (b *bed) down() error {
	if b.profiling != nil {
		b.profiling.stop()
	}
	if b.flip != nil {
		b.flip.Close()
	}
	_, err := cluster.Down(context.Background(), b.dir)
	return errors.Join(err, os.RemoveAll(string(b.dir)))
}

// start runs a program of qemu/guest on a node.
func (b *bed) start(ctx context.Context, node int, program string, args ...string) (*client.Process, error) {
	return b.startPath(ctx, node, "/test/"+program, args...)
}

func (b *bed) startPath(ctx context.Context, node int, path string, args ...string) (*client.Process, error) {
	pid, err := b.client.Node(node).Exec(ctx, &api.ExecRequest{
		Path: path, Args: append([]string{path}, args...), Cwd: "/",
		Files: client.LogFiles(), Detached: true,
	})
	if err != nil {
		return nil, err
	}
	return b.client.Process(pid), nil
}

// numbers runs a program on node 1 to its end and returns the numbers it printed.
func (b *bed) numbers(ctx context.Context, program string, args ...string) (sample, error) {
	return b.numbersOn(ctx, 1, program, args...)
}

// numbersOn is numbers on a given node.
func (b *bed) numbersOn(ctx context.Context, node int, program string, args ...string) (s sample, err error) {
	text, err := b.run(ctx, node, "/test/"+program, args...)
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

// run runs a program to its end, which must be a good one, and returns what it printed.
func (b *bed) run(ctx context.Context, node int, path string, args ...string) (string, error) {
	p, err := b.startPath(ctx, node, path, args...)
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

// await waits until a program has printed something.
func await(ctx context.Context, p *client.Process) error {
	text, _, err := p.Log(ctx, 0, 64, true)
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("process %d ended without a word", p.PID)
	}
	return err
}

// station is the hardware address of a node's first card.
func station(node int) (net.HardwareAddr, error) { return net.ParseMAC(machine.MAC(node, 0)) }

// port is a get-port for a server of ours.
func port(name string) capability.Port {
	return capability.Port(capability.OneWay("bench", []byte(name)))
}
