package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"motile/ipc/capability"
	"motile/proc/api"
)

// Strategies are the ways in which pages travel.
var Strategies = []string{"auto", "copy", "precopy", "reference", "hybrid", "flush", "dirty"}

// Servers are who may carry a move's messages: the kernel, or a program of the source's node.
var Servers = []string{"kernel", "user"}

// Move says how a process is to move.
type Move struct {
	Target   int
	Strategy string // one of Strategies; empty: auto
	Server   string // one of Servers; empty: kernel
	// MaxFreeze is how long the process should stand still at most, 0: the source's default.
	MaxFreeze time.Duration
	Rate      int64 // of what is sent while it runs, bytes a second, 0: no bound
	Residual  bool  // go even if something node-local stays behind
	Tree      bool  // with all descendants on the same node, as one
}

// check refuses what no node could do.
func (m *Move) check() error {
	if m.Strategy != "" && !slices.Contains(Strategies, m.Strategy) {
		return fmt.Errorf("there is no strategy %q: the ones built are %v", m.Strategy, Strategies)
	}
	if m.Server != "" && !slices.Contains(Servers, m.Server) {
		return fmt.Errorf("there is no migration server %q: there are %v", m.Server, Servers)
	}
	return nil
}

// maxHops is how often a process may leave the node that is asked to move it
// before that node gets to it.
const maxHops = 8

// Migrate moves a process and returns what it cost. The owner's key finds the
// process; whether it may be moved is for the process's capability to say.
func (p *Process) Migrate(ctx context.Context, m Move) (api.MigrateReply, error) {
	return p.migrate(ctx, m, nil)
}

// migrate moves others along, if they are on the same node.
func (p *Process) migrate(ctx context.Context, m Move, with []*Process) (api.MigrateReply, error) {
	var r api.MigrateReply
	if err := m.check(); err != nil {
		return r, err
	}
	at, err := p.where(ctx)
	if err != nil {
		return r, err
	}
	q := p.moveRequest(m, with)
	for range maxHops {
		r = api.MigrateReply{}
		if err := p.c.Node(at).ask(ctx, api.Migrate, &q, &r); err != nil {
			return r, p.blame(err)
		}
		if !r.Elsewhere {
			break
		}
		if at = r.Node; at != 0 {
			continue
		}
		if at, err = p.where(ctx); err != nil { // it does not know either
			return r, err
		}
	}
	if r.Elsewhere {
		return r, fmt.Errorf("%s: it leaves every node before that can move it; somebody else is moving it", p.name)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s: %s", p.name, r.Error)
	}
	return r, nil
}

// moveRequest is the order to move a process, and others along.
func (p *Process) moveRequest(m Move, with []*Process) api.MigrateRequest {
	q := api.MigrateRequest{PID: p.PID, Target: m.Target, Strategy: m.Strategy, Residual: m.Residual, Tree: m.Tree, Cap: p.cap.Append(nil),
		MaxFreezeUs: m.MaxFreeze.Microseconds(), Rate: m.Rate, Server: m.Server}
	for _, other := range with {
		q.With = append(q.With, other.cap.Append(nil))
	}
	return q
}

// Explain says what a move of the process, with others that are on the same node, would
// come to. It moves nothing.
func (p *Process) Explain(ctx context.Context, m Move, with []*Process) (r api.ExplainReply, err error) {
	if err := m.check(); err != nil {
		return r, err
	}
	q := p.moveRequest(m, with)
	for range maxHops {
		at, err := p.where(ctx)
		if err != nil {
			return r, err
		}
		r = api.ExplainReply{}
		if err := p.c.Node(at).ask(ctx, api.Explain, &q, &r); err != nil {
			return r, p.blame(err)
		}
		if r.Error != "" {
			return r, fmt.Errorf("%s: %s", p.name, r.Error)
		}
		if !r.Elsewhere {
			return r, nil
		}
	}
	return r, fmt.Errorf("%s: it leaves every node before that can look at it; somebody is moving it", p.name)
}

// MigrateTogether moves processes: those that are on one node as one, so that what they
// share goes along and none of them moves unless all do. It tells of each move who was
// to take part. One that has ended needs no move.
func (c *Client) MigrateTogether(ctx context.Context, all []*Process, m Move, tell func(who []*Process, r api.MigrateReply, err error)) {
	var nodes []int
	on := make(map[int][]*Process)
	for _, p := range all {
		info, err := p.Info(ctx)
		switch {
		case ended(info, err):
			continue
		case err != nil:
			tell([]*Process{p}, api.MigrateReply{}, err)
			continue
		case len(on[info.Node]) == 0:
			nodes = append(nodes, info.Node)
		}
		on[info.Node] = append(on[info.Node], p)
	}
	for _, node := range nodes {
		who := on[node]
		r, err := who[0].migrate(ctx, m, who[1:])
		for err != nil && len(who) > 1 && ended(who[0].Info(ctx)) { // meanwhile, and the move was to be in its name
			who = who[1:]
			r, err = who[0].migrate(ctx, m, who[1:])
		}
		if err != nil {
			tell(who, r, err)
			continue
		}
		isAlone := func(p *Process) bool { return p != who[0] && !slices.Contains(r.Processes, p.PID) }
		var alone []*Process
		for _, p := range who {
			if isAlone(p) { // it was not there any more
				alone = append(alone, p)
			}
		}
		tell(slices.DeleteFunc(who, isAlone), r, nil)
		for _, p := range alone {
			if r, err := p.Migrate(ctx, m); !Gone(err) {
				tell([]*Process{p}, r, err)
			}
		}
	}
}

// ended is whether a process has, by what it, or nobody, says of it.
func ended(info api.ProcessInfo, err error) bool {
	return Gone(err) || err == nil && info.State == "zombie"
}

// where is the node of a process that has not ended.
func (p *Process) where(ctx context.Context) (int, error) {
	info, err := p.c.Process(p.PID).Info(ctx)
	if err == nil && info.State == "zombie" {
		err = fmt.Errorf("%s: it has ended", p.name)
	}
	return info.Node, err
}

// blame makes an error of the process out of one of its node that is about the
// process's capability.
func (p *Process) blame(err error) error {
	var e *Error
	if p.cap.Rights&capability.PSRMigrate == 0 && errors.As(err, &e) {
		return &Error{p.name, lacks(capability.PSRMigrate), e.Err}
	}
	return err
}
