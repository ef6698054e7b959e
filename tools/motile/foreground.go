package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
)

// What the commands behind ^] do.

// obey does what the user asks for, except leaving. What takes long happens beside
// what is typed and shown.
func (a *attachment) obey(ctx context.Context, cmd command) {
	switch cmd.key {
	case 0:
	case keyHelp:
		fmt.Fprint(a.t.err, "\r\n"+escapeHelp)
	case keyStatus:
		go a.report(ctx)
	case keyMove:
		go a.sendForeground(ctx, cmd.node)
	default:
		a.say("^] %q is no command; ^] ? shows them", cmd.key)
	}
}

// members finds the processes of the foreground group.
func (a *attachment) members(ctx context.Context, n *network) ([]*client.Process, error) {
	pgid, err := a.foreground(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := n.running(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var found []*client.Process
	n.Client.GroupMembers(ctx, nodes, pgid, func(p *client.Process) {
		mu.Lock()
		found = append(found, p)
		mu.Unlock()
	})
	if len(found) == 0 {
		return nil, fmt.Errorf("nobody is in the foreground")
	}
	return found, nil
}

// withJob calls f with the processes of the foreground group.
func (a *attachment) withJob(ctx context.Context, f func(n *network, job []*client.Process) error) {
	err := func() error {
		if a.foreground == nil {
			return fmt.Errorf("a serial console has no jobs: motile console NODE has")
		}
		n, done, err := a.network(ctx)
		if err != nil {
			return err
		}
		defer done()
		job, err := a.members(ctx, n)
		if err != nil {
			return err
		}
		return f(n, job)
	}()
	if err != nil {
		a.say("%v", err)
	}
}

// sendForeground moves the foreground job to a node.
func (a *attachment) sendForeground(ctx context.Context, node int) {
	a.withJob(ctx, func(n *network, job []*client.Process) error {
		n.Client.MigrateTogether(ctx, job, client.Move{Target: node}, func(who []*client.Process, r api.MigrateReply, err error) {
			if err != nil {
				a.say("%v", err)
				return
			}
			for _, p := range who {
				a.say("process %d is on node %d, frozen for %.1f ms", p.PID, r.Node, float64(r.Report.FreezeUs)/1000)
			}
		})
		return nil
	})
}

// reportPatience bounds a status line.
const reportPatience = 3 * time.Second

// report prints the status line.
func (a *attachment) report(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	a.withJob(ctx, func(_ *network, job []*client.Process) error {
		var words []string
		for _, p := range job {
			i, err := p.Info(ctx)
			if err != nil {
				words = append(words, err.Error())
				continue
			}
			words = append(words, fmt.Sprintf("process %d on node %d, %s: %s", i.PID, i.Node, i.State, i.Command))
		}
		a.say("%s; in the foreground: %s", a.title, strings.Join(words, "; "))
		return nil
	})
}
