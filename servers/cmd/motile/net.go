package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/servers/lib"
)

// sockets lists what the TCP/IP server has, and interfaces its networks.
func sockets(ctx context.Context, words []string) error { return askIP(ctx, words, sockio.List) }
func interfaces(ctx context.Context, words []string) error {
	return askIP(ctx, words, sockio.Interfaces)
}

// askIP prints what the server answers.
func askIP(ctx context.Context, words []string, command uint32) error {
	node := 1
	if len(words) > 1 {
		return usage("%d arguments, where there should be 1, or none", len(words))
	}
	if len(words) == 1 {
		var err error
		if node, err = strconv.Atoi(words[0]); err != nil {
			return usage("%s is no number of a node", words[0])
		}
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	h := &std.Header{Command: command}
	h.SetCapability(key.ServiceCap("ip", node))
	reply, text, err := lib.Caller{}.Call(ctx, h, nil)
	if err == nil && reply.Status() != std.OK {
		err = reply.Status()
	}
	if err != nil {
		return fmt.Errorf("the TCP/IP server of node %d: %w", node, err)
	}
	os.Stdout.Write(text)
	return nil
}
