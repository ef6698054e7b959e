package operate

import (
	"context"
	"errors"
	"fmt"

	"motile/migrate/checkpoint"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/checkpoints"
)

// CheckpointOptions say how a checkpoint is taken.
type CheckpointOptions struct {
	File     string // empty: PID.ckpt
	NoFiles  bool   // leave out files that other nodes may lack
	Compress bool
	Residual bool // even if something that is a node's own stays behind
}

// FileName is where the checkpoint of a process goes.
func (o *CheckpointOptions) FileName(pid int32) string {
	if o.File != "" {
		return o.File
	}
	return fmt.Sprintf("%d.ckpt", pid)
}

// Taken is what is to be said of a checkpoint.
type Taken struct {
	PID        int32  `json:"pid"`
	Node       int    `json:"node"`
	File       string `json:"file"`
	Lineage    string `json:"lineage"`
	Generation uint64 `json:"generation"`
	FreezeUs   int64  `json:"freeze_us"`
	checkpoint.Stats
}

func (t *Taken) String() string {
	text := fmt.Sprintf("process %d on node %d: checkpoint %d is %s (%s), frozen for %s\n  %d pages, %d of zeros",
		t.PID, t.Node, t.Generation, t.File, Size(t.Bytes), millis(t.FreezeUs), t.Raw+t.LZ4+t.Zero, t.Zero)
	if t.LZ4 > 0 {
		text += fmt.Sprintf(", %d compressed", t.LZ4)
	}
	if t.Files > 0 {
		text += fmt.Sprintf("; %d files (%s)", t.Files, Size(t.FileBytes))
	}
	return text + "\n"
}

// Checkpoint writes a process to a file. It goes on meanwhile.
func (e *Env) Checkpoint(ctx context.Context, p *client.Process, o CheckpointOptions) error {
	t, err := e.take(ctx, p, o)
	if err != nil {
		return err
	}
	return e.tell(t)
}

// tell prints facts, for people as String has them.
func (e *Env) tell(v fmt.Stringer) error {
	if e.JSON {
		return PrintJSON(e.Out, v)
	}
	_, err := fmt.Fprint(e.Out, v)
	return err
}

func (e *Env) take(ctx context.Context, p *client.Process, o CheckpointOptions) (*Taken, error) {
	progress := NewProgress(e.Err, fmt.Sprintf("writing process %d down", p.PID))
	defer progress.End()
	s, err := p.Snapshot(ctx, o.Residual)
	if err != nil {
		return nil, err
	}
	defer s.Drop(ctx)
	path := o.FileName(p.PID)
	if err := e.Lineages.Check(s.Lineage); err != nil {
		e.warn("%v", err) // somebody has restarted this one: it is not the latest of its kind, and lives
	}
	stats, err := checkpoints.Write(path, e.Client.Key(), s.Descriptor, checkpoint.Options{Compress: o.Compress}, func(w *checkpoint.Writer) error {
		return s.Write(ctx, w, !o.NoFiles, func(done, total int64) {
			progress.Note(fmt.Sprintf("%s of %s of process %d are in %s", Size(done), Size(total), p.PID, path))
		})
	})
	if err != nil {
		return nil, fmt.Errorf("process %d: no checkpoint was made: %w", p.PID, err)
	}
	if err := e.Lineages.Note(s.Lineage, path); err != nil {
		e.warn("%v: that %s is the newest checkpoint is not remembered", err, path)
	}
	return &Taken{p.PID, s.SnapshotReply.Node, path, fmt.Sprintf("%x", s.Lineage.ID), s.Lineage.Generation, s.FreezeUs, stats}, nil
}

// RestartOptions say what becomes of a checkpoint.
type RestartOptions struct {
	Node int  // 0: one that is idle
	Old  bool // even if there is a newer checkpoint
}

// Restarted is what is to be said of a process that was made of another.
type Restarted struct {
	PID        int32             `json:"pid"`
	Node       int               `json:"node"`
	Of         int32             `json:"of"` // what it was
	File       string            `json:"file,omitempty"`
	Generation uint64            `json:"generation"`
	Report     api.RestartReport `json:"report"`
}

func (r *Restarted) String() string {
	text := fmt.Sprintf("process %d is on node %d: a copy of process %d", r.PID, r.Node, r.Of)
	if r.File != "" {
		text = fmt.Sprintf("process %d is on node %d: what was process %d, of checkpoint %d", r.PID, r.Node, r.Of, r.Generation)
	}
	m := r.Report
	return fmt.Sprintf("%s\n  in %s: pull %s, build %s; %d pages, %d of them shared (%s read)\n",
		text, millis(m.TotalUs), millis(m.PullUs), millis(m.BuildUs), m.Pages, m.Shared, Size(m.Bytes))
}

// OpenCheckpoint opens a file to be restarted, if it is the newest of its kind or old is
// set.
func (e *Env) OpenCheckpoint(path string, old bool) (*checkpoints.File, error) {
	f, err := checkpoints.Open(path, e.Client.Key())
	if err != nil {
		return nil, err
	}
	if !old {
		if err := e.Lineages.Check(f.Lineage); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return f, nil
}

// Restart makes a process of a checkpoint. q says what its first descriptors become.
func (e *Env) Restart(ctx context.Context, f *checkpoints.File, node int, q api.ExecRequest) (*Restarted, error) {
	if node == 0 {
		var err error
		if node, err = e.Idlest(ctx); err != nil {
			return nil, err
		}
	}
	progress := NewProgress(e.Err, fmt.Sprintf("restarting %s on node %d", f.Path, node))
	defer progress.End()
	r, err := e.Client.Node(node).Restart(ctx, f.Checkpoint, q, func(done, total int64) {
		progress.Note(fmt.Sprintf("%s of %s of %s are on node %d", Size(done), Size(total), f.Path, node))
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := e.Lineages.Note(f.Lineage, f.Path); err != nil {
		e.warn("%v: that %s was restarted is not remembered", err, f.Path)
	}
	return &Restarted{r.PID, node, f.Process.PID, f.Path, f.Lineage.Generation, r.Restart}, nil
}

// RestartDetached makes a process whose output is kept for logs, and says so.
func (e *Env) RestartDetached(ctx context.Context, f *checkpoints.File, node int) error {
	r, err := e.Restart(ctx, f, node, Detached())
	if err != nil {
		return err
	}
	return e.tell(r)
}

// Detached has a process made of an image write to a log, where it wrote to a terminal
// or to somebody's descriptors.
func Detached() api.ExecRequest {
	return api.ExecRequest{Detached: true, Stdio: client.LogFiles()}
}

// Clone makes a copy of a process on a node; 0 is the node that it is on.
func (e *Env) Clone(ctx context.Context, p *client.Process, node int, residual bool) error {
	progress := NewProgress(e.Err, fmt.Sprintf("copying process %d", p.PID))
	defer progress.End()
	s, err := p.Snapshot(ctx, residual)
	if err != nil {
		return err
	}
	defer s.Drop(ctx)
	if node == 0 {
		node = s.SnapshotReply.Node
	}
	r, err := s.Clone(ctx, e.Client.Node(node), Detached())
	if err != nil {
		return fmt.Errorf("process %d: no copy was made: %w", p.PID, err)
	}
	return e.tell(&Restarted{r.PID, node, p.PID, "", s.Lineage.Generation, r.Restart})
}

// StunOptions say how a process is stopped.
type StunOptions struct {
	Code        int
	Emergency   bool // at once, whatever it does
	Transparent bool // its owner is not told
}

// code is what the node is sent: negative for an emergency.
func (o *StunOptions) code() (int32, error) {
	switch {
	case o.Emergency && o.Transparent:
		return 0, errors.New("--emergency and --transparent: choose one")
	case o.Code < 0 || o.Code > 1<<30:
		return 0, fmt.Errorf("code %d: want 0 to %d", o.Code, 1<<30)
	case o.Emergency:
		return int32(-max(o.Code, 1)), nil
	}
	return int32(o.Code), nil
}

// Stun stops processes where they are.
func (e *Env) Stun(ctx context.Context, processes []*client.Process, o StunOptions) error {
	code, err := o.code()
	if err != nil {
		return err
	}
	return e.all(processes, "stunned", func(p *client.Process) error { return p.Stun(ctx, code, o.Transparent) })
}

// Resume lets processes go on. anyway: although a lease of theirs has run out.
func (e *Env) Resume(ctx context.Context, processes []*client.Process, anyway bool) error {
	return e.all(processes, "running", func(p *client.Process) error { return p.Resume(ctx, anyway) })
}

// all does something to processes, and goes on after one that fails.
func (e *Env) all(processes []*client.Process, state string, f func(*client.Process) error) error {
	type outcome struct {
		PID   int32  `json:"pid"`
		State string `json:"state"`
	}
	done := []outcome{}
	var errs []error
	for _, p := range processes {
		if err := f(p); err != nil {
			errs = append(errs, err)
			continue
		}
		done = append(done, outcome{p.PID, state})
	}
	if e.JSON {
		errs = append(errs, PrintJSON(e.Out, done))
	}
	return errors.Join(errs...)
}
