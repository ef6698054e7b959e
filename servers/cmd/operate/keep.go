package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"motile/ipc/std"
	"motile/proc/api"
	"motile/proc/api/client"
)

// Keeping a process: checkpoints again and again, and a restart elsewhere when its node
// has died or is cut off. Why at most one copy of it runs is in migrate/PROTOCOL.md,
// “Leases”. In short: the process runs only while it has a lease, which it gets from here,
// and it is restarted only when every lease that can have reached it has run out.

// KeepOptions say how a process is kept.
type KeepOptions struct {
	CheckpointOptions
	Every   time.Duration
	Restart bool // elsewhere, when it is lost
	Node    int  // where; 0: where there is most memory
}

// Least and most time between checkpoints. With leases it is longer: a process whose
// lease is shorter than a request may take would often stand still for nothing.
const (
	minEvery  = 100 * time.Millisecond
	minLeased = time.Second
	maxEvery  = 24 * time.Hour
)

const (
	// leases is how many intervals a lease lasts: two checkpoints may fail before the
	// process is stopped.
	leases = 3
	// slack is by which part of it a node's clock may be slower than ours.
	slack = 50
	// underWay is how long a frame, or a request that was given up, may be on its way.
	underWay = time.Second
)

// keeper keeps one process, under one pid after the other.
type keeper struct {
	e *Env
	o KeepOptions

	p       *client.Process
	node    int           // where it was last known to be
	lease   time.Duration // 0: it is not restarted
	granted time.Time     // when the last request for a lease was over, answered or not
	ended   chan error    // the process has ended, or nobody knows
	stop    func()        // of the wait for that
	lives   bool          // there is a process to be kept
	buried  chan int32    // lost processes that appeared again and were killed, told by bury

	// Times that tests shorten.
	underWay time.Duration
	patience time.Duration // how long a request may take before the process counts as silent
}

// Check reports options that do not fit together.
func (o *KeepOptions) Check() error {
	least := minEvery
	if o.Restart {
		least = minLeased
	}
	switch {
	case o.Every == 0 && o.Restart:
		return errors.New("--restart goes with --every: without new checkpoints there is nothing to restart")
	case o.Node != 0 && !o.Restart:
		return errors.New("--node goes with --restart (motile restart --node N FILE restarts a checkpoint)")
	case o.Every != 0 && (o.Every < least || o.Every > maxEvery):
		return fmt.Errorf("--every %v: want %v to %v", o.Every, least, maxEvery)
	}
	return nil
}

// Keep takes checkpoints until the process ends or ctx does.
func (e *Env) Keep(ctx context.Context, p *client.Process, o KeepOptions) error {
	o.File = o.FileName(p.PID)
	return newKeeper(e, o).keep(ctx, p)
}

func newKeeper(e *Env, o KeepOptions) *keeper {
	k := &keeper{e: e, o: o, buried: make(chan int32), underWay: underWay, patience: max(o.Every, 2*time.Second)}
	if o.Restart {
		k.lease = leases * o.Every
	}
	return k
}

func (k *keeper) keep(ctx context.Context, p *client.Process) error {
	info, err := p.Info(ctx)
	switch {
	case err != nil:
		return err
	case info.State == "zombie":
		return fmt.Errorf("process %d: it has ended", p.PID)
	}
	k.follow(ctx, p, info.Node)
	defer func() { k.stop() }()
	ctx, stop := context.WithCancel(ctx) // whom nobody keeps any more, nobody buries
	defer stop()
	if err := k.renew(ctx); err != nil { // it has no lease of ours: nothing is promised yet
		return err
	}
	defer k.release(ctx)
	if err := k.take(ctx); err != nil {
		return err // the first tells whether it can be done at all
	}
	next := time.NewTicker(k.o.Every)
	defer next.Stop()
	for {
		select {
		case err := <-k.ended:
			if err := k.again(ctx, err); err != nil || !k.lives {
				return err
			}
			continue
		case pid := <-k.buried:
			k.e.warn("process %d has appeared again, stunned, and was killed", pid)
			continue
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-next.C:
		}
		if err := k.step(ctx); err != nil || !k.lives {
			return err
		}
	}
}

// again restarts a process that has ended since some of its memory was lost, if that was
// promised; of any other end it tells, and lives is false.
func (k *keeper) again(ctx context.Context, err error) error {
	var end *endedError
	if !errors.As(err, &end) || end.lost == 0 || k.lease == 0 {
		k.lives = false
		return k.over(ctx, err)
	}
	return k.elsewhere(ctx, fmt.Sprintf("process %d has ended: its memory on node %d is lost", end.pid, end.lost), end.lost)
}

// zombie: the process has ended; what else is known of that comes in a moment.
func (k *keeper) zombie(ctx context.Context, status int) error {
	select {
	case err := <-k.ended:
		return k.again(ctx, err)
	case <-time.After(k.patience):
		return k.again(ctx, &endedError{pid: k.p.PID, status: status})
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follow begins to keep a process.
func (k *keeper) follow(ctx context.Context, p *client.Process, node int) {
	if k.stop != nil {
		k.stop()
	}
	k.p, k.node, k.lives = p, node, true
	life, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	k.ended, k.stop = ended, stop
	go func() {
		r, err := p.End(life)
		if err == nil {
			err = &endedError{p.PID, r.Status, r.Lost}
		}
		if life.Err() == nil && !client.Gone(err) { // of who is gone, step finds out more
			ended <- err
		}
	}()
}

// endedError: the process has ended, by itself or since some of its memory was lost with a
// node.
type endedError struct {
	pid    int32
	status int
	lost   int // that node, or 0
}

func (e *endedError) Error() string {
	return fmt.Sprintf("process %d: %s", e.pid, client.Ending(e.status))
}

// over says how keeping it has ended.
func (k *keeper) over(ctx context.Context, err error) error {
	var end *endedError
	if !errors.As(err, &end) {
		return err
	}
	if k.e.JSON {
		return PrintJSON(k.e.Out, struct {
			PID    int32  `json:"pid"`
			Ending string `json:"ending"`
		}{end.pid, client.Ending(end.status)})
	}
	_, err = fmt.Fprintf(k.e.Out, "process %d has ended: %s\n", end.pid, client.Ending(end.status))
	return err
}

// renew asks for a lease, and has the process go on if the last had run out.
func (k *keeper) renew(ctx context.Context) error {
	if k.lease == 0 {
		return nil
	}
	// The request is not given up before it is over: one that is given up may still
	// arrive, and give a lease that nobody here knows of.
	err := k.p.Lease(context.WithoutCancel(ctx), k.lease)
	k.granted = time.Now()
	return err
}

// step is what is done once an interval.
func (k *keeper) step(ctx context.Context) error {
	info, err := k.look(ctx)
	if err == nil && info.State == "zombie" {
		return k.zombie(ctx, info.Status)
	}
	if err == nil {
		k.node = info.Node
		err = k.renew(ctx)
	}
	if err == nil && k.lease > 0 && info.State == "stunned" && strings.Contains(info.Stun, api.LeaseRanOut) {
		k.e.warn("process %d on node %d had been without news of us and was stunned; it goes on", k.p.PID, info.Node)
		err = k.p.Resume(ctx, false)
	}
	if err == nil {
		if err = k.take(ctx); err == nil {
			return nil
		}
	}
	return k.trouble(ctx, err)
}

// look asks the process how it is, with patience.
func (k *keeper) look(ctx context.Context) (api.ProcessInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, k.patience)
	defer cancel()
	return k.p.Info(ctx)
}

func (k *keeper) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, max(k.patience, k.o.Every)*10, errors.New("took too long"))
	defer cancel()
	t, err := k.e.take(ctx, k.p, k.o.CheckpointOptions)
	if err != nil {
		return err
	}
	if k.e.JSON {
		return PrintJSON(k.e.Out, t)
	}
	_, err = fmt.Fprintf(k.e.Out, "process %d on node %d: checkpoint %d is %s (%s), frozen for %s\n",
		t.PID, t.Node, t.Generation, t.File, Size(t.Bytes), millis(t.FreezeUs))
	return err
}

// trouble decides what an error means: the process is there, and only the checkpoint
// failed; it has ended; or it is lost.
func (k *keeper) trouble(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !silent(err) {
		k.e.warn("%v", err) // a full disk, for one: the next one may succeed
		return nil
	}
	for {
		select {
		case err := <-k.ended:
			return k.again(ctx, err)
		default:
		}
		if info, err := k.look(ctx); err == nil && info.State != "zombie" {
			return nil // it moved, or frames were lost
		} else if err == nil {
			return k.zombie(ctx, info.Status)
		}
		switch left := k.until(); {
		case k.lease == 0:
			return fmt.Errorf("%w; its last checkpoint is in %s", err, k.o.File)
		case left <= 0:
			lost := k.p
			err := k.elsewhere(ctx, fmt.Sprintf("process %d is lost with node %d: its lease has run out", k.p.PID, k.node), k.node)
			if err == nil {
				go k.bury(ctx, lost)
			}
			return err
		default:
			if err := pause(ctx, min(left, k.o.Every)); err != nil {
				return err
			}
		}
	}
}

// silent reports whether an error says that nobody answered.
func silent(err error) bool {
	return client.Gone(err) || client.Lost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, std.RPCTryAgain)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until is how long it takes until every lease that may have reached the process has
// certainly run out. The last counts from when the request for it was over: no later
// can it have arrived, but for what is under way.
func (k *keeper) until() time.Duration {
	return time.Until(k.granted.Add(k.lease + k.lease/slack + k.underWay))
}

// elsewhere restarts the last checkpoint on any node but one. Precondition: the process has
// ended, or until has passed.
func (k *keeper) elsewhere(ctx context.Context, why string, but int) error {
	lost := k.p
	k.e.warn("%s", why)
	f, err := k.e.OpenCheckpoint(k.o.File, false)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		node, err := k.target(ctx, but)
		if err == nil {
			q := Detached()
			q.Lease = int64(k.lease)
			var r *Restarted
			r, err = k.e.Restart(context.WithoutCancel(ctx), f, node, q)
			k.granted = time.Now()
			if err == nil {
				k.follow(ctx, k.e.Client.Process(r.PID), node)
				return k.e.tell(r)
			}
		}
		k.e.warn("process %d: %v", lost.PID, err)
		// One that was started although nobody told us has a lease, and it runs out.
		for left := max(k.until(), k.o.Every); left > 0; left = k.until() {
			if err := pause(ctx, left); err != nil {
				return err
			}
		}
	}
}

// target is the node that a lost process goes to.
func (k *keeper) target(ctx context.Context, lost int) (int, error) {
	if k.o.Node != 0 {
		return k.o.Node, nil
	}
	nodes, err := k.e.Nodes(ctx)
	if err != nil {
		return 0, err
	}
	others := nodes[:0:0]
	for _, n := range nodes {
		if n != lost {
			others = append(others, n)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, k.patience)
	defer cancel()
	return k.e.roomiest(ctx, others)
}

// bury kills a lost process if it appears again. It is stunned then. It runs beside the
// keeper, which alone tells of it.
func (k *keeper) bury(ctx context.Context, p *client.Process) {
	for pause(ctx, k.o.Every) == nil {
		if err := k.destroy(ctx, p); err == nil {
			select {
			case k.buried <- p.PID:
			case <-ctx.Done():
			}
			return
		}
	}
}

func (k *keeper) destroy(ctx context.Context, p *client.Process) error {
	ctx, cancel := context.WithTimeout(ctx, k.patience)
	defer cancel()
	return p.Destroy(ctx)
}

// release ends the lease: a process that nobody keeps any more need not stop.
func (k *keeper) release(ctx context.Context) {
	if k.lease == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.patience)
	defer cancel()
	_ = k.p.Lease(ctx, 0)
}
