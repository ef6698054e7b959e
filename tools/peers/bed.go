package main

import (
	"context"
	"slices"

	"motile/ipc/capability"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// memMB is the memory of every machine, ours and theirs.
const memMB = 256

// bed is a cluster of two nodes: its bridge runs in the same daemon as everybody's.
type bed struct{ *testbed.Bed }

// up boots one, on machines like those that Linux gets.
func up(ctx context.Context, mtu int) (*bed, error) {
	say("two nodes boot, MTU %d", mtu)
	spec := cluster.NodeSpec{Machine: machine.Q35, MemMB: memMB, Virtio: machine.Modern}
	b, err := testbed.Up(ctx, slices.Repeat([]cluster.NodeSpec{spec}, 2), cluster.Config{
		Initrd: testbed.Archive,
		Nets:   []cluster.NetSpec{{Name: cluster.DefaultNet, MTU: mtu}},
	})
	if err != nil {
		return nil, err
	}
	return &bed{b}, nil
}

// port is a get-port for a server of ours.
func port(name string) capability.Port {
	return capability.Port(capability.OneWay("peers", []byte(name)))
}
