package soak

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"motile/proc/api/client"
)

// settle waits until a process has one copy that can run and prints, and returns
// where: 0 if it was lost with a node that has been restarted.
func (s *soak) settle(ctx context.Context, p *process, dead int) (node int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("not within "+settleTime.String()))
	defer cancel()
	for {
		copies, err := s.copies(ctx, p)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", p.PID, errors.Join(err, context.Cause(ctx)))
		}
		running := 0
		for at, state := range copies {
			if state == "R" || state == "S" || state == "D" {
				node = at
				running++
			}
		}
		switch {
		case running > 1:
			s.tally.Duplicated++
			return 0, fmt.Errorf("process %d runs twice: %v", p.PID, copies)
		case len(copies) == 0 && dead != 0:
			return 0, s.output(p)
		case running == 0 && slices.Contains(slices.Collect(maps.Values(copies)), "zombie"):
			return 0, errors.Join(s.bereft(ctx, p), s.output(p))
		case running == 1 && len(copies) == 1:
			err := p.awaitFor(ctx, soon)
			if err == nil {
				return node, nil
			}
			if p.Err() != nil || ctx.Err() != nil {
				_ = s.output(p)
				return 0, fmt.Errorf("process %d on node %d: %w", p.PID, node, err)
			}
			continue // it waits for memory, or has ended since that is lost with a node
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			if len(copies) == 0 {
				s.tally.Lost++
			}
			return 0, fmt.Errorf("process %d: %v: its copies by node are %v", p.PID, context.Cause(ctx), copies)
		}
	}
}

// bereft returns nil if a process has ended since some of its memory was lost with a node: by some
// strategies it stays there for a while. That may turn out a step later.
func (s *soak) bereft(ctx context.Context, p *process) error {
	end, err := p.End(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("process %d: %w", p.PID, err)
	case !s.cut[end.Lost]:
		return fmt.Errorf("process %d has ended: %s, memory lost with node %d", p.PID, client.Ending(end.Status), end.Lost)
	}
	return p.Destroy(ctx)
}

// soon is how long a process is listened to until it is looked for again.
const soon = 5 * time.Second

func (p *process) awaitFor(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return p.Await(ctx)
}

// output counts a process whose lines did not come once each.
func (s *soak) output(p *process) error {
	err := p.Err()
	if err != nil {
		s.tally.Duplicated++
	}
	return err
}

// copies asks all nodes for the state of their copies of a process. Nodes are asked
// one after the other: one that is seen twice may have moved meanwhile, so what
// looks like two copies is looked at again.
func (s *soak) copies(ctx context.Context, p *process) (states map[int]string, err error) {
	for range 3 {
		states = map[int]string{}
		for n := range nodes {
			list, err := s.cluster.Client().Node(n + 1).List(ctx)
			if err != nil {
				return nil, err
			}
			for _, q := range list {
				if q.PID == p.PID {
					states[n+1] = q.State
				}
			}
		}
		if len(states) < 2 {
			break
		}
	}
	return states, nil
}
