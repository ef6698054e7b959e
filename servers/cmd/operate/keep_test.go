package operate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"motile/ipc/std"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/client/clienttest"
	"motile/servers/checkpoints"
)

// kept is a process that is kept, and a cluster for it: it is on node 1, and node 2
// takes it when it is lost.
type kept struct {
	t *testing.T
	*clienttest.Fake
	k        *keeper
	out, err bytes.Buffer
	dir      string

	mu       sync.Mutex
	segments map[int]*clienttest.Segments
	process  map[int32]*keptProcess
	execs    []exec
	failExec int // so many are carried out, and nobody hears of it
}

// keptProcess is what the cluster knows of a process.
type keptProcess struct {
	lost     int // the node that its memory was lost with
	info     api.ProcessInfo
	lease    time.Duration
	granted  time.Time // when the last lease was
	leases   int
	resumed  int
	gone     bool // nobody answers for it
	killed   bool
	ended    chan struct{}
	snapshot uint64 // how many
}

type exec struct {
	at    time.Time
	lease time.Duration
	pid   int32
}

const firstPID, interval = 1000007, 40 * time.Millisecond

func keep(t *testing.T) *kept {
	f := clienttest.New()
	x := &kept{t: t, Fake: f, dir: t.TempDir(), process: make(map[int32]*keptProcess),
		segments: map[int]*clienttest.Segments{1: f.Segments(1), 2: f.Segments(2)}}
	e := &Env{Client: client.New(f, f.Key), Out: &x.out, Err: &x.err, Lineages: checkpoints.Ledger(filepath.Join(x.dir, "lineages")),
		Nodes: func(context.Context) ([]int, error) { return []int{1, 2}, nil }}
	x.k = newKeeper(e, KeepOptions{Every: interval, Restart: true, CheckpointOptions: CheckpointOptions{File: filepath.Join(x.dir, "a.ckpt")}})
	x.k.underWay, x.k.patience = 10*time.Millisecond, 500*time.Millisecond
	for n := 1; n <= 2; n++ {
		f.Node(n, func(h *std.Header, data []byte) (any, std.Status) { return x.node(n, h, data) })
	}
	x.start(firstPID, 1, 0)
	return x
}

// start has a process run on a node.
func (x *kept) start(pid int32, node int, lease time.Duration) {
	x.process[pid] = &keptProcess{info: api.ProcessInfo{PID: pid, Node: node, State: "R"}, lease: lease, granted: time.Now(), ended: make(chan struct{})}
	x.Process(pid, func(h *std.Header, _ []byte) (any, std.Status) { return x.asked(pid, h) })
}

// asked is what a process is asked.
func (x *kept) asked(pid int32, h *std.Header) (any, std.Status) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.process[pid]
	if p.gone {
		return nil, std.RPCNotFound
	}
	switch h.Command {
	case api.Info:
		return p.info, std.OK
	case api.Lease:
		p.lease, p.granted = time.Duration(h.Offset), time.Now()
		p.leases++
		return nil, std.OK
	case api.Resume:
		p.resumed++
		p.info.State, p.info.Stun = "R", ""
		return nil, std.OK
	case std.Destroy:
		p.killed = true
		return nil, std.OK
	case api.Snapshot:
		p.snapshot++
		stopped := clienttest.Stopped{PID: pid, Generation: uint64(len(x.execs)*100) + p.snapshot, Runs: []uint64{0, 4}}
		s := x.segments[p.info.Node]
		r, _ := clienttest.SnapshotReply(s, stopped.Image(s), p.info.Node, false)
		return r, std.OK
	case api.Wait:
		ended := p.ended
		x.mu.Unlock()
		<-ended
		x.mu.Lock()
		if p.gone {
			return nil, std.RPCFailure
		}
		if p.lost != 0 {
			return api.WaitReply{Status: 7 | 0x80, Lost: p.lost}, std.OK
		}
		return api.WaitReply{Status: 3 << 8}, std.OK
	}
	return nil, std.ComBad
}

// node is what a node is asked.
func (x *kept) node(n int, h *std.Header, data []byte) (any, std.Status) {
	if v, s, ok := x.segments[n].Serve(h, data); ok {
		return v, s
	}
	switch h.Command {
	case api.GetLoad:
		return api.Load{Node: n, FreeKB: 1000}, std.OK
	case api.GetFile:
		return clienttest.GetFile(h, data)
	case api.Exec:
		x.mu.Lock()
		defer x.mu.Unlock()
		q := clienttest.Decode[api.ExecRequest](data)
		pid := int32(2000001 + len(x.execs))
		x.execs = append(x.execs, exec{time.Now(), time.Duration(q.Lease), pid})
		x.start(pid, n, time.Duration(q.Lease))
		if len(x.execs) <= x.failExec {
			return nil, std.RPCFailure
		}
		return api.ExecReply{PID: pid}, std.OK
	}
	return nil, std.ComBad
}

// change changes a process.
func (x *kept) change(pid int32, f func(p *keptProcess)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(x.process[pid])
}

// lose cuts off a process with its node.
func (p *keptProcess) lose() { p.gone = true; close(p.ended) }

// until waits until something is so.
func (x *kept) until(what string, f func() bool) {
	x.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		x.mu.Lock()
		ok := f()
		x.mu.Unlock()
		if ok {
			return
		}
	}
	x.t.Fatalf("it does not happen that %s\n%s%s", what, &x.out, &x.err)
}

// keeping begins.
func (x *kept) keeping() (over <-chan error, stop func()) {
	ctx, cancel := context.WithCancel(x.t.Context())
	done, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		done <- x.k.keep(ctx, x.k.e.Client.Process(firstPID))
	}()
	x.t.Cleanup(func() {
		cancel()
		<-ended // it writes into the test's folder
	})
	return done, cancel
}

func await(t *testing.T, over <-chan error) error {
	t.Helper()
	select {
	case err := <-over:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
		return nil
	}
}

func TestKeep_RestartsWhatIsLost(t *testing.T) {
	x := keep(t)
	over, _ := x.keeping()
	x.until("there are three checkpoints", func() bool { return x.process[firstPID].snapshot >= 3 })
	x.change(firstPID, (*keptProcess).lose)
	x.until("it is restarted", func() bool { return len(x.execs) == 1 })
	x.mu.Lock()
	p, e := *x.process[firstPID], x.execs[0]
	x.mu.Unlock()
	if d := e.at.Sub(p.granted); d < p.lease || p.lease != 3*interval {
		t.Errorf("restarted %v after a lease of %v was granted", d, p.lease)
	}
	if e.lease != 3*interval {
		t.Errorf("the new one has a lease of %v", e.lease)
	}
	x.until("the new one is kept", func() bool { return x.process[e.pid].snapshot >= 2 && x.process[e.pid].leases >= 2 })
	x.change(firstPID, func(p *keptProcess) { p.gone, p.info.State = false, "stunned" })
	x.until("the old one is killed", func() bool { return x.process[firstPID].killed })
	x.change(e.pid, func(p *keptProcess) { close(p.ended) })
	if err := await(t, over); err != nil {
		t.Error(err)
	}
	if len(x.execs) != 1 || x.process[e.pid].killed || !strings.Contains(x.out.String(), "process 2000001 has ended: exit status 3") ||
		!strings.Contains(x.out.String(), "process 2000001 is on node 2: what was process 1000007") {
		t.Errorf("%v\n%s%s", x.execs, &x.out, &x.err)
	}
}

// One that has ended since some of its memory was lost with a node is restarted at once:
// nobody has to wait for a lease, and any node but that one will do.
func TestKeep_RestartsWhoseMemoryIsLost(t *testing.T) {
	x := keep(t)
	over, _ := x.keeping()
	x.until("there is a checkpoint", func() bool { return x.process[firstPID].snapshot >= 1 })
	x.change(firstPID, func(p *keptProcess) { p.lost = 2; p.info.State = "zombie"; close(p.ended) })
	x.until("it is restarted", func() bool { return len(x.execs) == 1 })
	pid := x.execs[0].pid
	if x.process[pid].info.Node != 1 {
		t.Errorf("on node %d", x.process[pid].info.Node)
	}
	x.until("the new one is kept", func() bool { return x.process[pid].snapshot >= 3 })
	x.change(pid, func(p *keptProcess) { close(p.ended) })
	if err := await(t, over); err != nil {
		t.Error(err)
	}
	if x.process[firstPID].killed {
		t.Error("one that has ended was killed")
	}
	if !strings.Contains(x.err.String(), "process 1000007 has ended: its memory on node 2 is lost") || !strings.Contains(x.out.String(), "process 2000001 has ended: exit status 3") {
		t.Errorf("%s%s", &x.out, &x.err)
	}
}

// A restart of which nobody knows whether it was carried out: there is another only when
// the lease of what it may have started has run out.
func TestKeep_DoesNotRestartTwice(t *testing.T) {
	x := keep(t)
	x.failExec = 1
	x.keeping()
	x.until("there is a checkpoint", func() bool { return x.process[firstPID].snapshot >= 2 })
	x.change(firstPID, (*keptProcess).lose)
	x.until("it is restarted again", func() bool { return len(x.execs) == 2 })
	if d := x.execs[1].at.Sub(x.execs[0].at); d < x.execs[0].lease || x.execs[0].lease == 0 {
		t.Errorf("restarted again after %v, where the first has a lease of %v", d, x.execs[0].lease)
	}
}

// One that was out of reach for a moment goes on where it is.
func TestKeep_ResumesWhatWasCutOff(t *testing.T) {
	x := keep(t)
	x.keeping()
	x.until("there is a checkpoint", func() bool { return x.process[firstPID].snapshot >= 1 })
	x.change(firstPID, func(p *keptProcess) { p.gone = true })
	x.change(firstPID, func(p *keptProcess) { p.gone, p.info.State, p.info.Stun = false, "stunned", api.LeaseRanOut })
	x.until("it is resumed", func() bool { return x.process[firstPID].resumed == 1 })
	had := uint64(0)
	x.change(firstPID, func(p *keptProcess) { had = p.snapshot })
	x.until("it is kept", func() bool { return x.process[firstPID].snapshot > had+1 })
	x.change(firstPID, func(p *keptProcess) { p.info.State, p.info.Stun, had = "stunned", "code 3", p.snapshot })
	x.until("checkpoints go on", func() bool { return x.process[firstPID].snapshot > had+1 })
	x.change(firstPID, func(p *keptProcess) {
		if len(x.execs) > 0 || p.resumed != 1 {
			t.Errorf("%v, resumed %d times", x.execs, p.resumed)
		}
	})
}

// A checkpoint that cannot be written is no reason to stop, or to restart anything.
func TestKeep_GoesOnWithoutDisk(t *testing.T) {
	x := keep(t)
	over, stop := x.keeping()
	x.until("there is a checkpoint", func() bool { return x.process[firstPID].snapshot >= 2 })
	moved := x.dir + ".moved"
	defer os.RemoveAll(moved)
	if err := os.Rename(x.dir, moved); err != nil { // nothing can be written there
		t.Fatal(err)
	}
	had := 0
	x.change(firstPID, func(p *keptProcess) { had = p.leases })
	x.until("the lease is renewed", func() bool { return x.process[firstPID].leases > had+3 })
	stop()
	if err := await(t, over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	f, err := checkpoints.Open(filepath.Join(moved, "a.ckpt"), x.k.e.Client.Key())
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if len(x.execs) > 0 || !strings.Contains(x.err.String(), "no checkpoint was made") {
		t.Errorf("%v\n%s", x.execs, &x.err)
	}
	if x.process[firstPID].lease != 0 {
		t.Error("nobody keeps it any more, and it has a lease")
	}
}

func TestKeep_WhatHasEnded(t *testing.T) {
	x := keep(t)
	over, _ := x.keeping()
	x.until("there is a checkpoint", func() bool { return x.process[firstPID].snapshot >= 2 })
	x.change(firstPID, func(p *keptProcess) { close(p.ended) })
	if err := await(t, over); err != nil || len(x.execs) > 0 || !strings.Contains(x.out.String(), "process 1000007 has ended: exit status 3") {
		t.Errorf("%v, %v\n%s", err, x.execs, &x.out)
	}
	x = keep(t)
	x.process[firstPID].info.State = "zombie"
	over, _ = x.keeping()
	if err := await(t, over); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Error(err)
	}
	x = keep(t)
	x.k.lease = 0
	over, _ = x.keeping()
	x.until("there is a checkpoint", func() bool { return x.process[firstPID].snapshot >= 2 })
	x.change(firstPID, (*keptProcess).lose)
	if err := await(t, over); err == nil || !strings.Contains(err.Error(), "its last checkpoint is in") || len(x.execs) > 0 {
		t.Error(err)
	}
}
