package client

import (
	"context"
	"errors"
	"time"

	"motile/ipc/std"
	"motile/proc/api"
)

// What nodes say of themselves to who watches them.

// Metrics returns what the node counts and measures.
func (n *Node) Metrics(ctx context.Context) ([]api.Metric, error) {
	var r api.MetricsReply
	err := n.ask(ctx, api.Metrics, nil, &r)
	return r.Metrics, err
}

// Trace returns what the node has recorded of the last moves of a process; pid 0: of all.
// brief leaves steps and messages out.
func (n *Node) Trace(ctx context.Context, pid int32, brief bool) (r api.TraceReply, err error) {
	h := std.Header{Command: api.Trace, Offset: uint64(pid)}
	if brief {
		h.Extra = api.TraceBriefly
	}
	err = n.askWith(ctx, &h, nil, &r)
	return r, err
}

// profilePause is how often a node is asked for its samples: it has room for some hundred.
const profilePause = 200 * time.Millisecond

// Profile has the node take samples of where its CPU is until ctx ends, and calls take for
// what has come; that is not an error.
func (n *Node) Profile(ctx context.Context, period time.Duration, take func(*api.ProfileReply)) error {
	ask := func(ctx context.Context, q api.ProfileRequest) error {
		var r api.ProfileReply
		if err := n.ask(ctx, api.Profile, &q, &r); err != nil {
			return err
		}
		if r.Refused != "" {
			return &Error{n.name, r.Refused, std.NotNow}
		}
		take(&r)
		return nil
	}
	if err := ask(ctx, api.ProfileRequest{Begin: true, PeriodNs: int64(period)}); err != nil {
		return err
	}
	for pause := time.NewTicker(profilePause); ; {
		select {
		case <-pause.C:
			if err := ask(ctx, api.ProfileRequest{}); err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
				return err
			}
		case <-ctx.Done():
			pause.Stop()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(api.ProfileLease))
			defer cancel()
			return ask(last, api.ProfileRequest{End: true})
		}
	}
}
