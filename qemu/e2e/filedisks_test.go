package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"motile/ipc/filesys"
	"motile/proc/api"
	"motile/qemu/harness"
)

// storageOn starts what names and disks need on a node of three.
func (w *world) storageOn(node int) *program {
	w.t.Helper()
	w.bulletOf(node)
	return w.run(node, "/bbin/motiled", "soap", "--keep", "--replicas", "1,2,3")
}

// What the status of the file server of the disks of nodes 1 and 2 says of each.
const (
	current = "copy on the disk of node %d: current"
	behind  = "copy on the disk of node %d: out of date"
)

// fileServerOn starts the file server of the disks of nodes 1 and 2.
func (w *world) fileServerOn(node int) *program {
	w.t.Helper()
	return w.run(node, "/bbin/motiled", "file", "--keep", "--disk", "1,2")
}

// fileStatus waits until the file server's status has all of some words.
func (w *world) fileStatus(words ...string) string {
	w.t.Helper()
	key := api.Key(w.key)
	for {
		text, err := w.bulletClient(w.ctx).Status(key.ServiceCap("file", 0))
		missing := err != nil
		for _, s := range words {
			missing = missing || !strings.Contains(text, s)
		}
		if !missing {
			return text
		}
		if w.ctx.Err() != nil {
			w.t.Fatalf("waiting for %q, the file server's status is\n%s%v", words, text, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// diarists are writers at work. Their errors are failures of the test, until the server's
// node is about to die.
type diarists struct {
	writers []*writer
	stop    atomic.Bool
	dying   atomic.Bool
	syncs   atomic.Int64
	working sync.WaitGroup
}

func newDiarists(w *world) *diarists {
	w.t.Helper()
	d, f := new(diarists), w.fileClient(w.ctx)
	for i := range 3 {
		x := &writer{dir: fmt.Sprint("w", i), states: []map[string][]byte{{}}}
		w.must(f.name(filesys.Mkdir, x.dir))
		d.writers = append(d.writers, x)
	}
	w.must(f.sync(f.root))
	return d
}

func (d *diarists) begin(w *world, seed uint64) {
	d.stop.Store(false)
	d.dying.Store(false)
	for i, x := range d.writers {
		f, rng := w.fileClient(w.ctx), rand.New(rand.NewPCG(seed, uint64(i)))
		d.working.Go(func() {
			for !d.stop.Load() {
				before := x.syncs
				if err := x.step(f, rng); err != nil {
					if !d.dying.Load() || !down(err) {
						w.t.Errorf("%s: %v", x.dir, err)
					}
					return
				}
				d.syncs.Add(int64(x.syncs - before))
			}
		})
	}
}

func (d *diarists) end(w *world) {
	w.t.Helper()
	d.stop.Store(true)
	d.working.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// answered waits for so many more fsyncs that are answered.
func (d *diarists) answered(w *world, n int64) {
	w.t.Helper()
	for want := d.syncs.Load() + n; d.syncs.Load() < want; time.Sleep(50 * time.Millisecond) {
		if w.ctx.Err() != nil || w.t.Failed() {
			w.t.Fatalf("%d fsyncs were answered, not %d", d.syncs.Load(), want)
		}
	}
}

func (d *diarists) check(t *testing.T, w *world) {
	t.Helper()
	for _, x := range d.writers {
		x.check(t, w.fileClient(w.ctx))
	}
}

// The files are on the disks of nodes 1 and 2. Node 2 dies while clients write and sync: the
// server goes on without it, and when it is there again what it lacks is copied. Then
// node 1 dies, and the server with it: one that is started on node 3 has all, from node 2's
// disk. Node 1's, which is out of date now, is not believed alone.
func TestFiles_TwoDisks(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3, DiskMB: 48, Deadline: 8 * time.Minute})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	began := time.Now()
	now := func(what string) { t.Logf("%5.1f s: %s", time.Since(began).Seconds(), what) }
	kill := func(node int, had ...*program) {
		w.Node(node).Kill()
		for _, p := range had {
			p.ended = true
		}
	}
	var soaps [4]*program
	for node := 1; node <= 3; node++ {
		soaps[node] = w.storageOn(node)
	}
	for node := 1; node <= 3; node++ {
		soaps[node].await("the group of epoch")
	}
	server := w.fileServerOn(1)
	server.await("^file: serving$")
	both1, both2 := fmt.Sprintf(current, 1), fmt.Sprintf(current, 2)
	w.fileStatus(both1, both2)
	d := newDiarists(w)
	now("writing")
	d.begin(w, seed)
	d.answered(w, 10)
	kill(2, soaps[2])
	now("node 2 is dead")
	d.answered(w, 10)
	t.Log(w.fileStatus(both1, fmt.Sprintf(behind, 2)))
	now("and it goes on")
	d.end(w)
	d.check(t, w)

	w.Node(2).Restart()
	d.begin(w, seed+1)
	soaps[2] = w.storageOn(2)
	now("node 2 is there again")
	t.Log(w.fileStatus(both1, both2))
	now("and has caught up")
	d.answered(w, 5)
	d.dying.Store(true)
	kill(1, soaps[1], server)
	d.end(w)
	now("node 1 is dead")
	server = w.fileServerOn(3)
	server.await("^file: serving$")
	now("a server is on node 3")
	t.Log(w.fileStatus(fmt.Sprintf(behind, 1), both2))
	d.check(t, w)
	d.begin(w, seed+2)
	d.answered(w, 10)
	d.dying.Store(true)
	kill(3, soaps[3], server)
	kill(2, soaps[2])
	d.end(w)
	now("nodes 2 and 3 are dead")

	w.Node(1).Restart()
	w.Node(3).Restart()
	soaps[1], soaps[3] = w.storageOn(1), w.storageOn(3)
	server = w.fileServerOn(1)
	server.await("the disk of node 1 has fallen behind, or is new, and cannot stand in for it")
	now("node 1's disk is refused")
	w.Node(2).Restart()
	soaps[2] = w.storageOn(2)
	server.await("^file: serving$")
	now("node 2 is there again")
	d.check(t, w)
	w.fileStatus(both1, both2)
	now("and both have all")
	key := api.Key(w.key)
	for _, node := range []int{1, 2} {
		if wrong, text, err := w.bulletClient(w.ctx).Fsck(key.ServiceCap("bullet", node)); wrong != 0 || err != nil {
			t.Errorf("on the disk of node %d: %d things wrong, %v\n%s", node, wrong, err, text)
		}
	}
	d.check(t, w)
	t.Logf("%d answered fsyncs", d.syncs.Load())
}

// The Bullet server of one of two disks stands still, though its node lives. Clients write
// and sync all the same; when it goes on it is given what it lacks, and at some instant of that
// it stands still again.
func TestFiles_DiskHangs(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, DiskMB: 48, Deadline: 5 * time.Minute})
	const sigcont, sigstop = 18, 19
	w.bulletOf(1)
	disk, _ := w.bulletOf(2)
	w.run(1, "/bbin/motiled", "soap", "--keep")
	w.fileServerOn(1).await("^file: serving$")
	d := newDiarists(w)
	d.begin(w, 1)
	d.answered(w, 5)
	for range 2 {
		w.must(disk.Signal(w.ctx, sigstop))
		w.fileStatus(fmt.Sprintf(current, 1), fmt.Sprintf(behind, 2))
		d.answered(w, 5)
		w.must(disk.Signal(w.ctx, sigcont))
		time.Sleep(time.Duration(rand.Int64N(int64(7 * time.Second)))) // some instant
	}
	t.Log(w.fileStatus(fmt.Sprintf(current, 1), fmt.Sprintf(current, 2)))
	d.answered(w, 5)
	d.end(w)
	d.check(t, w)
	f := w.fileClient(w.ctx)
	w.must(f.sync(f.root)) // what was found need not be safe yet
	w.Node(1).Kill()
	w.Node(1).Restart()
	w.bulletOf(1)
	w.run(1, "/bbin/motiled", "soap", "--keep")
	w.run(1, "/bbin/motiled", "file", "--keep", "--disk", "2,1").await("^file: serving$")
	d.check(t, w)
}
