package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/qemu/harness"
	"motile/servers/bullet/client"
)

// bulletOf starts the server of a node's disk, and returns its capability.
func (w *world) bulletOf(node int) (*program, capability.Capability) {
	w.t.Helper()
	p := w.run(node, "/bbin/motiled", "bullet")
	p.await("^bullet: serving$")
	key := api.Key(w.key)
	return p, key.ServiceCap("bullet", node)
}

// bulletClient asks servers from the host, as long as a context lasts.
func (w *world) bulletClient(ctx context.Context) *client.Client {
	return client.New(func(h *std.Header, request, reply []byte) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		r, data, err := w.flip.Call(ctx, h, request)
		*h = r
		return copy(reply, data), err
	})
}

// The server of a disk is moved to another node while files are made, and dies with its
// node; what starts after it finds all files. Another server of the same disk is refused,
// and a disk that is not Bullet's.
func TestBullet(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, DiskMB: 64})
	b := w.bulletClient(w.ctx)
	p, server := w.bulletOf(1)
	files := map[capability.Capability][]byte{}
	rng := rand.New(rand.NewPCG(1, 1))
	create := func(n int) {
		t.Helper()
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		c, err := b.Create(server, data, client.Safe)
		w.must(err)
		files[c] = data
	}
	check := func() {
		t.Helper()
		for c, want := range files {
			got, err := b.Get(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("file %d: %d bytes, %v; want %d", c.Object, len(got), err, len(want))
			}
		}
	}
	for _, n := range []int{0, 1, 1000, 300_000, 2 << 20} {
		create(n)
	}
	check()
	const tooLong = 1<<20 - 2000 // and short enough for one message
	for range 15 {               // more often than it has threads
		h := std.Header{Command: std.BulletCreate}
		h.SetCapability(server)
		r, _, err := w.flip.Call(w.ctx, &h, make([]byte, tooLong))
		if err == nil {
			err = r.Status()
		}
		if !errors.Is(err, std.Overflow) {
			t.Fatalf("a request of %d bytes: %v", tooLong, err)
		}
	}
	check()
	second := w.run(2, "/bbin/motiled", "bullet", "--disk", "1")
	second.await("has a server that answers already")
	if second.end() == 0 {
		t.Error("two servers of one disk")
	}
	p.move(2) // it is an ordinary process
	create(50_000)
	check()
	w.Node(2).Kill() // the server dies, and the disk lives
	_, server = w.bulletOf(1)
	check()
	if wrong, text, err := b.Fsck(server); wrong != 0 || err != nil {
		t.Errorf("%d things wrong, %v\n%s", wrong, err, text)
	}
	w.Node(1).Kill()
	w.Node(1).Restart()
	_, server = w.bulletOf(1)
	check()
	status, err := b.Status(server)
	w.must(err)
	t.Logf("%s", status)

	w.Node(2).Restart()
	other := w.run(2, "/test/diskio", "write", "2", "1", "3")
	if other.end() != 0 {
		t.Fatal("the disk was not written")
	}
	refused := w.run(2, "/bbin/motiled", "bullet")
	refused.await("not a Bullet disk: format it")
	if refused.end() == 0 {
		t.Error("a disk with something else on it was taken")
	}
	if w.run(2, "/test/diskio", "check", "2", "1", "3").end() != 0 {
		t.Error("the disk was changed")
	}
}

var powerCuts = flag.Int("powercuts", 10, "how often TestBullet_PowerCut cuts the power")

// The power of a node with a disk is cut at a random instant, again and again, while
// clients make files, change and remove them. Each time fsck finds nothing wrong, and
// every file is there whose making was acknowledged.
func TestBullet_PowerCut(t *testing.T) {
	t.Parallel()
	const clients = 4
	w := boot(t, harness.Options{DiskMB: 24, Deadline: time.Duration(*powerCuts+6) * 12 * time.Second})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	k := &keeper{files: map[capability.Capability][]byte{}}
	b := w.bulletClient(w.ctx)
	for cut := range *powerCuts {
		p, server := w.bulletOf(1)
		if wrong, text, err := b.Fsck(server); wrong != 0 || err != nil {
			t.Fatalf("after %d power cuts: %d things wrong, %v\n%s", cut, wrong, err, text)
		}
		k.check(w, b)
		ctx, stop := context.WithCancel(w.ctx)
		var working sync.WaitGroup
		for i := range clients {
			working.Go(func() {
				k.work(ctx, t, w.bulletClient(ctx), server, rand.New(rand.NewPCG(seed, uint64(cut*clients+i+1))))
			})
		}
		time.Sleep(time.Duration(rng.Int64N(int64(1500 * time.Millisecond)))) // the random instant
		w.Node(1).Kill()
		stop()
		working.Wait()
		p.ended = true
		w.Node(1).Restart()
	}
	_, server := w.bulletOf(1)
	if wrong, text, err := b.Fsck(server); wrong != 0 || err != nil {
		t.Fatalf("at the end: %d things wrong, %v\n%s", wrong, err, text)
	}
	k.check(w, b)
	status, err := b.Status(server)
	w.must(err)
	t.Logf("%d power cuts; %d files made, %d checked, %d are there now\n%s", *powerCuts, k.made, k.checked, len(k.files), status)
	if k.made < 5**powerCuts {
		t.Errorf("only %d files were made", k.made)
	}
}

// keeper knows what was acknowledged.
type keeper struct {
	mu      sync.Mutex
	files   map[capability.Capability][]byte
	made    int
	checked int
}

// enough files that the disk is neither empty nor full.
const enough = 150

// work makes files, and removes them, until its context ends.
func (k *keeper) work(ctx context.Context, t *testing.T, b *client.Client, server capability.Capability, rng *rand.Rand) {
	for ctx.Err() == nil {
		data := make([]byte, rng.IntN(1<<(4+rng.IntN(14))))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		c, old, many := k.one(rng)
		switch {
		case many || old != nil && rng.IntN(4) == 0:
			k.forget(c) // from here on nobody knows
			if err := b.Destroy(c); err != nil && ctx.Err() == nil && !down(err) {
				t.Errorf("destroy: %v", err)
			}
			continue
		case old != nil && rng.IntN(4) == 0:
			off := rng.IntN(len(old) + 1)
			next, err := b.Modify(c, uint64(off), data, client.Safe)
			k.acknowledged(next, append(append(bytes.Clone(old[:off]), data...), old[min(len(old), off+len(data)):]...), err)
		case rng.IntN(30) == 0:
			_, _, _ = b.Compact(server)
		default:
			next, err := b.Create(server, data, client.Safe)
			if err != nil && ctx.Err() == nil && !down(err) {
				t.Errorf("create: %v", err)
				return
			}
			k.acknowledged(next, data, err)
		}
	}
}

// down reports whether an error may come of the power cut.
func down(err error) bool {
	return errors.Is(err, std.RPCFailure) || errors.Is(err, std.RPCNotFound) || errors.Is(err, context.DeadlineExceeded)
}

// one is a file that is there, if there is any, and whether there are many.
func (k *keeper) one(rng *rand.Rand) (c capability.Capability, data []byte, many bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	skip := rng.IntN(len(k.files) + 1)
	for c, data = range k.files {
		if skip--; skip <= 0 {
			break
		}
	}
	return c, data, len(k.files) > enough
}

func (k *keeper) forget(c capability.Capability) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.files, c)
}

func (k *keeper) acknowledged(c capability.Capability, data []byte, err error) {
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.files[c] = data
	k.made++
}

// check reads every file that must be there.
func (k *keeper) check(w *world, b *client.Client) {
	w.t.Helper()
	for c, want := range k.files {
		got, err := b.Get(c)
		if err != nil || !bytes.Equal(got, want) {
			w.t.Fatalf("file %d, which was acknowledged: %d bytes, %v; want %d", c.Object, len(got), err, len(want))
		}
		k.checked++
	}
}

// A file that was made on two nodes is read after either of them has died.
func TestBullet_TwoNodes(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3, DiskMB: 16})
	w.bulletOf(1)
	w.bulletOf(2)
	p := w.run(3, "/bbin/bullet", "create", "--node", "1,2", "/etc/motd")
	const text = `^([a-z2-7]+:[0-9a-f]+:[0-9a-f]+:[a-z2-7]+)$`
	first, second := p.await(text)[1], p.await(text)[1]
	if p.end() != 0 {
		t.Fatal("not made")
	}
	read := func() {
		t.Helper()
		w.must(w.sameAsMotd(first, second))
	}
	read()
	w.Node(1).Kill()
	read()
	half := w.run(3, "/bbin/bullet", "create", "--node", "2,1", "/etc/motd")
	half.await(text)
	half.await("1 of 2 servers have not made it")
	if half.end() == 0 {
		t.Error("a copy is missing, and nobody says so")
	}
	w.Node(1).Restart()
	w.bulletOf(1)
	w.Node(2).Kill()
	read()
	nobody := w.run(3, "/bbin/bullet", "stat", "2")
	nobody.await("no server answers")
	if nobody.end() == 0 {
		t.Error("the server of a dead node")
	}
}

// sameAsMotd compares a file, known by the capabilities of its copies, with /etc/motd.
func (w *world) sameAsMotd(caps ...string) error {
	p := w.run(3, "/bin/sh", "-c", "bullet get "+strings.Join(caps, " ")+" >/tmp/got && cmp /tmp/got /etc/motd")
	if status := p.end(); status != 0 {
		return fmt.Errorf("bullet get: status %d: %s", status, p.out.tail(5))
	}
	return nil
}
