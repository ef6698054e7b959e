package client

import (
	"context"
	"errors"
	"fmt"

	"motile/ipc/capability"
	"motile/proc/api"
)

// Strategies are the ways in which pages travel.
var Strategies = []string{"copy"}

// Move says how a process is to move.
type Move struct {
	Target   int
	Strategy string // one of Strategies; empty: the source decides
	Residual bool   // go even if something node-local stays behind
}

// check refuses what no node could do.
func (m *Move) check() error {
	if m.Strategy == "" {
		return nil
	}
	for _, s := range Strategies {
		if s == m.Strategy {
			return nil
		}
	}
	return fmt.Errorf("there is no strategy %q: the ones built are %v", m.Strategy, Strategies)
}

// maxHops is how often a process may leave the node that is asked to move it
// before that node gets to it.
const maxHops = 8

// Migrate moves a process and returns what it cost. The owner's key finds the
// process; whether it may be moved is for the process's capability to say.
func (p *Process) Migrate(ctx context.Context, m Move) (api.MigrateReply, error) {
	var r api.MigrateReply
	if err := m.check(); err != nil {
		return r, err
	}
	at, err := p.where(ctx)
	if err != nil {
		return r, err
	}
	q := api.MigrateRequest{PID: p.PID, Target: m.Target, Strategy: m.Strategy, Residual: m.Residual, Cap: p.cap.Append(nil)}
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
