package soap

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/bullet"
	bulletclient "motile/servers/bullet/client"
)

// platter is a disk that forgets what was not synced, any of it, when the power fails.
type platter struct {
	mu      sync.Mutex
	blocks  []byte
	pending map[uint64][]byte
	left    int // writes and syncs until the power fails; negative: it does not
}

const platterBlocks = 8 << 11 // 8 MB

func newPlatter() *platter {
	return &platter{blocks: make([]byte, platterBlocks*std.DiskBlock), pending: make(map[uint64][]byte), left: -1}
}

func (p *platter) Blocks() uint64 { return platterBlocks }

func (p *platter) Read(block uint64, b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	copy(b, p.blocks[block*std.DiskBlock:])
	for i := range uint64(len(b) / std.DiskBlock) {
		if w := p.pending[block+i]; w != nil {
			copy(b[i*std.DiskBlock:], w)
		}
	}
	return nil
}

func (p *platter) power() error {
	if p.left == 0 {
		return errOff
	}
	p.left--
	return nil
}

func (p *platter) Write(block uint64, b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.power()
	for i := range uint64(len(b) / std.DiskBlock) {
		if err != nil && p.left == 0 && i > 0 {
			break // the rest of a write that was interrupted
		}
		if err == nil || i == 0 {
			p.pending[block+i] = slices.Clone(b[i*std.DiskBlock : (i+1)*std.DiskBlock])
		}
	}
	return err
}

func (p *platter) Sync() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.power(); err != nil {
		return err
	}
	for n, b := range p.pending {
		copy(p.blocks[n*std.DiskBlock:], b)
	}
	clear(p.pending)
	return nil
}

// cut is what is left after a power cut.
func (p *platter) cut(rng *rand.Rand) {
	for n := range uint64(platterBlocks) {
		if b := p.pending[n]; b != nil && rng.IntN(2) == 0 {
			copy(p.blocks[n*std.DiskBlock:], b)
		}
	}
	clear(p.pending)
	p.left = -1
}

func (p *platter) mount(t *testing.T) *BulletStore {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	s, err := bullet.Mount(p, bullet.Config{Port: capability.Port{3}, Secret: capability.Secret{4}, Random: rng.Uint64}, bullet.Keep)
	if err != nil {
		t.Fatal(err)
	}
	return &BulletStore{bulletclient.New(bullet.Local(bullet.NewServer(s))), capability.Owner(capability.Port{3}, 0, capability.Secret{4})}
}

// The same as on a simulated store, on a Bullet server and a disk: whenever the power
// fails, the state that was committed last is found, or the one that was being; the disk
// does not fill with rubbish, however often.
func TestKeeper_PowerCuts(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 9))
		p := newPlatter()
		p.mount(t)
		b := newBench(t)
		want := []string{picture(b.s)}
		for range 25 {
			b.s = NewState(capability.Port{9}, capability.Secret{1, 2, 3})
			store := p.mount(t)
			k, err := OpenKeeper(store, b.s)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if !slices.Contains(want, picture(b.s)) {
				t.Fatalf("seed %d: neither the old state nor the new one", seed)
			}
			files, _ := store.Tagged(TagPart)
			if len(files) > len(k.table)+1 {
				t.Fatalf("seed %d: %d files for %d directories", seed, len(files), len(k.table))
			}
			p.left = rng.IntN(60)
			for {
				want = []string{picture(b.s)}
				b.update(rng)
				if k.Commit(k.Batch(b.s, 0, rng.IntN(20) == 0)) != nil {
					want = append(want, picture(b.s))
					break
				}
				k.Sweep()
			}
			p.cut(rng)
		}
	}
}
