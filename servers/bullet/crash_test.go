package bullet

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/bullet/client"
)

// promise is what a server has said about files, and what may be found of them.
type promise struct {
	mu    sync.Mutex
	safe  map[capability.Capability][]byte // must be there
	maybe map[capability.Capability][]byte // may be there, and then whole
}

func newPromise() *promise {
	return &promise{safe: map[capability.Capability][]byte{}, maybe: map[capability.Capability][]byte{}}
}

func (p *promise) note(c capability.Capability, data []byte, safe bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if safe {
		p.safe[c] = data
		delete(p.maybe, c)
	} else {
		p.maybe[c] = data
	}
}

// leaving picks a file that somebody will remove.
func (p *promise) leaving(rng *rand.Rand) (c capability.Capability, ok bool) {
	c, data, ok := p.any(rng)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok = p.safe[c]; ok { // nobody else has picked it meanwhile
		p.maybe[c] = data
		delete(p.safe, c)
	}
	return c, ok
}

// any is one of the files that must be there.
func (p *promise) any(rng *rand.Rand) (c capability.Capability, data []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.safe) == 0 {
		return
	}
	k := rng.IntN(len(p.safe))
	best := capability.Capability{Object: ^uint64(0)}
	for x := range p.safe { // the k-th by number, whatever the map's order
		if n := p.rank(x); n == k {
			best = x
		}
	}
	return best, p.safe[best], true
}

func (p *promise) rank(c capability.Capability) (n int) {
	for x := range p.safe {
		if x.Object < c.Object {
			n++
		}
	}
	return n
}

// work does things to files until the disk dies or n things are done.
func (p *promise) work(b *bed, rng *rand.Rand, n int) {
	for range n {
		if b.store.Broken() != nil {
			return
		}
		switch k := rng.IntN(20); {
		case k < 8:
			data := text(rng, rng.IntN(1<<(5+rng.IntN(10))))
			how := []uint32{client.Open, client.Committed, client.Safe, client.Safe}[rng.IntN(4)]
			c, err := b.Create(b.server, data, how)
			if err == nil && how != client.Open {
				p.note(c, data, how == client.Safe)
			}
		case k < 12:
			c, ok := p.leaving(rng)
			if !ok {
				continue
			}
			if err := b.Destroy(c); err != nil && b.store.Broken() == nil {
				b.t.Errorf("destroying what is there: %v", err)
			}
		case k < 15:
			c, old, ok := p.any(rng)
			if !ok {
				continue
			}
			off := rng.IntN(len(old) + 1)
			data := text(rng, rng.IntN(3000))
			want := append(append(bytes.Clone(old[:off]), data...), old[min(off+len(data), len(old)):]...)
			if next, err := b.Modify(c, uint64(off), data, client.Safe); err == nil {
				p.note(next, want, true)
			}
		case k < 18:
			c, data, ok := p.any(rng)
			if !ok {
				continue
			}
			got, err := b.Get(c)
			if err != nil && b.store.Broken() == nil && !errors.Is(err, std.CapBad) || err == nil && !bytes.Equal(got, data) {
				b.t.Errorf("file %d: %d bytes, %v; want %d", c.Object, len(got), err, len(data))
			}
		case k < 19:
			_ = b.Sync(b.server)
		default:
			_, _, _ = b.Compact(b.server)
		}
	}
}

// kept mounts what is left of a disk, and checks that every promise was kept.
func (p *promise) kept(t *testing.T, disk *simDisk, seed uint64) *bed {
	t.Helper()
	b := mount(t, disk, seed)
	b.clean()
	for c, data := range p.safe {
		got, err := b.Get(c)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("file %d, which was safe: %d bytes, %v; want %d", c.Object, len(got), err, len(data))
		}
	}
	for c, data := range p.maybe {
		got, err := b.Get(c)
		switch {
		case err == nil && !bytes.Equal(got, data):
			t.Fatalf("file %d, half: %d bytes; want %d or none", c.Object, len(got), len(data))
		case err == nil:
			p.safe[c] = data // it has survived, and will
		case err != std.CapBad:
			t.Fatalf("file %d: %v", c.Object, err)
		}
	}
	clear(p.maybe)
	return b
}

// The power is cut in each write and each sync of a history in turn, and what was not
// synced is lost in any way there is. Afterwards every file that was safe is there, and
// no other in part.
func TestCrash_EveryOperation(t *testing.T) {
	histories := 6
	if testing.Short() {
		histories = 2
	}
	cuts := 0
	for seed := range uint64(histories) {
		for at := 1; ; at++ {
			rng := rand.New(rand.NewPCG(seed, 5))
			disk := newSimDisk(256 + 64*seed)
			p := newPromise()
			b := mount(t, disk, seed)
			disk.cutAt = disk.ops + at
			p.work(b, rng, 100)
			if !disk.dead {
				break
			}
			cuts++
			p.kept(t, disk.cut(rand.New(rand.NewPCG(seed, uint64(at)))), seed+100)
			if t.Failed() {
				t.Fatalf("history %d, power cut in operation %d", seed, at)
			}
		}
	}
	if cuts < 100*histories {
		t.Errorf("%d cuts in %d histories: that is too few to say anything", cuts, histories)
	}
	t.Logf("%d power cuts", cuts)
}

// A disk that is cut off again and again, by many clients at a time, with compaction
// among what they do.
func TestCrash_ManyClients(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	disk := newSimDisk(1500)
	p := newPromise()
	for round := range rounds {
		b := p.kept(t, disk, uint64(round))
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
		rng := rand.New(rand.NewPCG(uint64(round), 6))
		disk.mu.Lock()
		disk.cutAt = disk.ops + 1 + rng.IntN(250)
		disk.mu.Unlock()
		var clients sync.WaitGroup
		for k := range 5 {
			clients.Go(func() {
				p.work(b, rand.New(rand.NewPCG(uint64(round), uint64(10+k))), 60)
			})
		}
		clients.Wait()
		disk = disk.cut(rng)
	}
	p.kept(t, disk, 1)
	t.Logf("%d files at the end", len(p.safe))
}

// A disk that is not as it should be is refused, with what to do, and not written.
func TestMount_Refuses(t *testing.T) {
	fresh := func() (*bed, []capability.Capability) {
		b := mount(t, newSimDisk(1<<10), 1)
		var files []capability.Capability
		for i := range 5 {
			c, err := b.Create(b.server, []byte(fmt.Sprintf("file %d", i)), client.Safe)
			b.must(err)
			files = append(files, c)
		}
		return b, files
	}
	change := func(d *simDisk, block uint64, f func(p []byte)) {
		p := make([]byte, blockSize)
		if err := d.Read(block, p); err != nil {
			t.Fatal(err)
		}
		f(p)
		if err := d.Write(block, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(d *simDisk)
		says   string
		mended bool // by Mend, with all files but the first
	}{
		{"another's", func(d *simDisk) { change(d, 0, func(p []byte) { copy(p, "EFI PART") }) }, "not a Bullet disk", false},
		{"another's behind zeros", func(d *simDisk) {
			for block := range d.blocks {
				change(d, block, func(p []byte) { clear(p) })
			}
			change(d, 700, func(p []byte) { p[9] = 1 })
		}, "not a Bullet disk", false},
		{"a later version", func(d *simDisk) { change(d, 0, func(p []byte) { p[11] = 9 }) }, "version 9", false},
		{"a damaged superblock", func(d *simDisk) { change(d, 0, func(p []byte) { p[40] ^= 1 }) }, "--mend", true},
		{"both damaged", func(d *simDisk) {
			change(d, 0, func(p []byte) { p[40] ^= 1 })
			change(d, d.blocks-1, func(p []byte) { p[40] ^= 1 })
		}, "its copy too", false},
		{"shorter", func(d *simDisk) { d.blocks -= 10 }, "its size back", false},
		{"a damaged inode", func(d *simDisk) { change(d, tableStart, func(p []byte) { p[inodeSize+20] ^= 1 }) }, "--mend", true},
		{"an inode of another number", func(d *simDisk) {
			change(d, tableStart, func(p []byte) { copy(p[inodeSize:], p[2*inodeSize:3*inodeSize]) })
		}, "--mend", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, files := fresh()
			c.damage(b.disk)
			ops := b.disk.ops
			_, err := Mount(b.disk, testConfig(1), Keep)
			if err == nil || !bytes.Contains([]byte(err.Error()), []byte(c.says)) {
				t.Fatalf("it says %v", err)
			}
			if b.disk.ops != ops {
				t.Fatal("it was written")
			}
			s, err := Mount(b.disk, testConfig(1), Mend)
			if (err == nil) != c.mended {
				t.Fatalf("mended: %v", err)
			}
			if err == nil {
				m := &bed{t: t, store: s, server: b.server, Client: client.New(Local(NewServer(s)))}
				for i, f := range files[1:] {
					m.has(f, []byte(fmt.Sprintf("file %d", i+1)))
				}
				m.clean()
				mount(t, b.disk, 3).clean()
			}
			if s, err = Mount(b.disk, testConfig(1), Reformat); err != nil || s.count != 0 {
				t.Fatal(err)
			}
		})
	}
}

// Contents that have changed on the disk are found.
func TestFsck_Finds(t *testing.T) {
	b := mount(t, newSimDisk(1<<10), 1)
	b.store.cache.most = 0
	c, err := b.Create(b.server, bytes.Repeat([]byte("x"), 2000), client.Safe)
	b.must(err)
	b.clean()
	block := b.store.files[c.Object].ext.start + 2
	p := make([]byte, blockSize)
	b.must(b.disk.Read(block, p))
	p[100] ^= 1
	b.must(b.disk.Write(block, p))
	if wrong, text, err := b.Fsck(b.server); wrong != 1 || err != nil {
		t.Errorf("%d things wrong, %v\n%s", wrong, err, text)
	}
	at, _ := place(c.Object)
	b.must(b.disk.Write(at, make([]byte, blockSize)))
	if wrong, text, err := b.Fsck(b.server); wrong != 2 || err != nil {
		t.Errorf("%d things wrong, %v\n%s", wrong, err, text)
	}
}
