package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/tools/flipnode"
	"motile/tools/flipnode/hostio"
)

// Bed is a cluster that programs are run on.
type Bed struct {
	Flip   *flipnode.Node
	Client *client.Client
	Nodes  []int
}

// Shaking is what the programs go through.
var Shaking = api.Shake{Every: 3, By: api.ShakeByBoth}

// limit is the time that a program has on a node, an emulated CPU that others use too,
// if it took so long on the host.
func limit(way Way, host time.Duration) time.Duration {
	d := 60*time.Second + 100*host
	if way == Shaken {
		d *= 2
	}
	return d
}

const killLimit = 20 * time.Second

// errBroken is a failure that says something about the cluster, not the program.
var errBroken = errors.New("the cluster does not answer")

// Run runs a program on a node, in one of the two ways.
func (b *Bed) Run(ctx context.Context, p *Program, exe string, node int, way Way, limit time.Duration) (Outcome, error) {
	text := new(output)
	out, err := hostio.NewOutput(b.Flip, text)
	if err != nil {
		return Outcome{}, err
	}
	defer out.Close()
	began := time.Now()
	r, err := b.run(ctx, p, exe, node, way, out, limit)
	if err != nil {
		return Outcome{}, err
	}
	out.Flush()
	ending := r.ending
	if ending == "" && r.end.Status != 0 {
		ending = client.Ending(r.end.Status)
	}
	o := judge(p, ending, text.bytes())
	o.Ms = time.Since(began).Milliseconds()
	if s := r.end.Shaken; s != nil {
		o.Moves, o.Restores, o.Refused = s.Moves, s.Restores, s.Refused
		if o.OK && s.Moves == 0 {
			o.OK, o.Why = false, "it was not moved"
		}
	}
	return o, nil
}

type ended struct {
	end    api.WaitReply
	ending string // in words, if it did not end by itself
}

func (b *Bed) run(ctx context.Context, p *Program, exe string, node int, way Way, out *hostio.Output, limit time.Duration) (r ended, err error) {
	file, err := os.Open(exe)
	if err != nil {
		return r, err
	}
	defer file.Close()
	content, err := client.NewFile(file)
	if err != nil {
		return r, err
	}
	at := out.Address()
	to := api.FileRef{Address: at[:], Path: "host:out", Flags: 1}
	name := filepath.Base(p.File[:len(p.File)-len(".go")])
	q := &api.ExecRequest{Path: content.Place(name), Args: append([]string{name}, p.Args...), Env: environment, Cwd: "/root",
		Files: []api.FileRef{{Path: "/dev/null"}, to, to}, Detached: true}
	if way == Shaken {
		shake := Shaking
		q.Shake = &shake
	}
	n := b.Client.Node(node)
	if err := n.PutFile(ctx, content, q.Path); err != nil {
		return r, fmt.Errorf("%w: %w", errBroken, err)
	}
	pid, err := n.Exec(ctx, q)
	if err != nil {
		return r, fmt.Errorf("%w: %w", errBroken, err)
	}
	proc := b.Client.Process(pid)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.end, err = proc.End(limited)
	for client.Gone(err) && b.has(limited, pid) { // nodes of a busy host fall silent for seconds
		r.end, err = proc.End(limited)
	}
	if err == nil {
		_ = proc.Destroy(ctx) // the node forgets it by itself, later
		return r, nil
	}
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case limited.Err() == nil:
		if _, err := n.Load(ctx); err != nil {
			return r, fmt.Errorf("%w: %w", errBroken, err)
		}
		r.ending = "is lost: " + err.Error()
		return r, nil
	}
	r.ending = fmt.Sprintf("has not ended after %v", limit)
	last, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	if i, err := proc.Info(last); err == nil {
		r.ending += fmt.Sprintf(" (state %s on node %d, %d ms of CPU)", i.State, i.Node, i.CPUms)
		r.end.Shaken = i.Shaken
	}
	if err := proc.Signal(last, 9); err != nil {
		return r, nil
	}
	_, _ = proc.End(last)
	_ = proc.Destroy(last)
	return r, nil
}

// has reports whether any node has the process, or is on the way to have it.
func (b *Bed) has(ctx context.Context, pid int32) bool {
	for range 5 {
		list, _ := b.Client.Processes(ctx, b.Nodes) // of the nodes that answer
		for _, i := range list {
			if i.PID == pid {
				return true
			}
		}
	}
	return false
}

// output collects what a program prints, up to a limit.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len()+len(p) <= maxOutput {
		o.text.Write(p)
	}
	return len(p), nil
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.text.Bytes())
}
