package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/lib"
)

// execute runs a command n times: each time it forks, its child calls exec, and it waits for
// the end.
func execute(args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	return repeat(args[0], func() error {
		p, err := os.StartProcess(args[1], args[1:], &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Env: os.Environ()})
		if err != nil {
			return err
		}
		end, err := p.Wait()
		if err == nil && !end.Success() {
			err = fmt.Errorf("%s: %v", args[1], end)
		}
		return err
	})
}

// remote has a node's process server run a command n times, and waits for the end: as
// Amoeba's pro_exec, which needs no child that is moved.
func remote(args []string) error {
	if len(args) < 3 {
		return errUsage
	}
	node, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	c, ctx := client.New(lib.Caller{}, key), context.Background()
	return repeat(args[0], func() error {
		pid, err := c.Node(node).Exec(ctx, &api.ExecRequest{Path: args[2], Args: args[2:], Env: os.Environ(), Cwd: "/", Detached: true})
		if err != nil {
			return err
		}
		p := c.Process(pid)
		status, err := p.Wait(ctx)
		if err == nil && status != 0 {
			err = fmt.Errorf("%s: %s", args[2], client.Ending(status))
		}
		if err != nil {
			return err
		}
		return p.Destroy(ctx)
	})
}

// repeat prints how long something takes, so many times, in ns, after one time that does
// not count.
func repeat(times string, do func() error) error {
	n, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	for i := range n + 1 {
		start := time.Now()
		err := do()
		took := time.Since(start)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Println(took.Nanoseconds())
		}
	}
	return nil
}
