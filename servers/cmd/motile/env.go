package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"motile/proc/api/client"
	"motile/servers/cmd/operate"
	"motile/servers/cmd/options"
	"motile/servers/lib"
)

const lineages = "/run/motile/lineages"

// connect makes the environment of a command.
func connect() (*operate.Env, error) {
	key, err := lib.ClusterKey()
	if err != nil {
		return nil, err
	}
	e := &operate.Env{Client: client.New(lib.Caller{}, key), Out: os.Stdout, Err: os.Stderr, Lineages: lineages}
	e.Nodes = func(ctx context.Context) ([]int, error) { return heardOf(ctx, e.Client) }
	return e, nil
}

// patience bounds a question to a node that was heard of a moment ago.
const patience = 4 * time.Second

// heardOf lists the nodes that the one we are on has heard of lately.
func heardOf(ctx context.Context, c *client.Client) (nodes []int, err error) {
	here, err := lib.Node()
	if err != nil {
		return nil, err
	}
	loads, err := c.Node(here).Nodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range loads {
		if l.HeardMs <= operate.SilentMs {
			nodes = append(nodes, l.Node)
		}
	}
	return nodes, nil
}

// flags are the options that several commands take.
type flags struct {
	options.Set
	json bool
	cap  string

	maxFreeze, rate string
}

func (f *flags) withJSON() *flags { f.Bool(&f.json, "json"); return f }
func (f *flags) withCap() *flags  { f.String(&f.cap, "cap"); return f }

// open parses a command line, which must leave min to max arguments, and connects.
func (f *flags) open(words []string, min, max int) (*operate.Env, []string, error) {
	args, err := f.Parse(words)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if len(args) < min || len(args) > max {
		return nil, nil, usage("%d arguments, where there should be %s", len(args), span(min, max))
	}
	e, err := connect()
	if err != nil {
		return nil, nil, err
	}
	e.JSON = f.json
	return e, args, nil
}

const many = 1 << 30

func span(min, max int) string {
	switch {
	case max == many:
		return fmt.Sprintf("%d or more", min)
	case min == max:
		return fmt.Sprint(min)
	}
	return fmt.Sprintf("%d to %d", min, max)
}

// targets is the process, or the members of the process group, that an argument
// names.
func (f *flags) targets(ctx context.Context, e *operate.Env, arg string) ([]*client.Process, error) {
	id, err := operate.ParseTarget(arg)
	if err != nil {
		return nil, err
	}
	return e.Targets(ctx, id, f.cap)
}

// process is the process that an argument names, with the capability to be used.
func (f *flags) process(e *operate.Env, arg string) (*client.Process, error) {
	pid, err := operate.ParsePID(arg)
	if err != nil {
		return nil, err
	}
	return e.Process(pid, f.cap)
}
