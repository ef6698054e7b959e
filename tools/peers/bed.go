package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"motile/ipc/capability"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/tools/flipnode"
	"motile/tools/peers/result"
)

// What make built, from the top of the module, where we are started.
const (
	kernelFile  = "build/kernel.elf"
	testArchive = "build/test.cpio" // with the guests' programs in /test
	motileFile  = "bin/motile"
)

// memMB is the memory of every machine, ours and theirs.
const memMB = 256

// bed is a cluster of two nodes: its bridge runs in the same daemon as everybody's.
type bed struct {
	dir    cluster.Dir
	status cluster.Status
	flip   *flipnode.Node
	client *client.Client
}

// up boots one, on machines like those that Linux gets.
func up(ctx context.Context, mtu int) (*bed, error) {
	say("two nodes boot, MTU %d", mtu)
	path, err := os.MkdirTemp("", "mp") // a short name, for sockets
	if err != nil {
		return nil, err
	}
	b := &bed{dir: cluster.Dir(path)}
	if err := b.boot(ctx, mtu); err != nil {
		return nil, errors.Join(err, b.down())
	}
	return b, nil
}

func (b *bed) boot(ctx context.Context, mtu int) error {
	daemon, err := filepath.Abs(motileFile)
	if err != nil {
		return err
	}
	spec := cluster.NodeSpec{Machine: machine.Q35, MemMB: memMB, Virtio: machine.Modern}
	b.status, err = cluster.Up(ctx, cluster.UpOptions{
		Dir: b.dir, Daemon: []string{daemon, "daemon"}, Nodes: slices.Repeat([]cluster.NodeSpec{spec}, 2),
		Config: cluster.Config{
			Kernel: kernelFile, Initrd: testArchive,
			Nets: []cluster.NetSpec{{Name: cluster.DefaultNet, MTU: mtu}},
		},
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
	if b.flip != nil {
		b.flip.Close()
	}
	_, err := cluster.Down(context.Background(), b.dir)
	return errors.Join(err, os.RemoveAll(string(b.dir)))
}

// start runs a program on a node.
func (b *bed) start(ctx context.Context, node int, path string, args ...string) (*client.Process, error) {
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
func (b *bed) numbers(ctx context.Context, path string, args ...string) (s result.Sample, err error) {
	p, err := b.start(ctx, 1, path, args...)
	if err != nil {
		return nil, err
	}
	status, err := p.Wait(ctx)
	if err != nil {
		return nil, err
	}
	text, err := wholeLog(ctx, p)
	if err != nil {
		return nil, err
	}
	if status != 0 {
		return nil, fmt.Errorf("%s %s: %s\n%s", path, strings.Join(args, " "), client.Ending(status), text)
	}
	for field := range strings.FieldsSeq(text) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", path, strings.Join(args, " "), err)
		}
		s = append(s, v)
	}
	return s, p.Destroy(ctx)
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

// port is a get-port for a server of ours.
func port(name string) capability.Port {
	return capability.Port(capability.OneWay("peers", []byte(name)))
}
