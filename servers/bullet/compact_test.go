package bullet

import (
	"math/rand/v2"
	"testing"

	"motile/ipc/capability"
	"motile/servers/bullet/client"
)

// Compaction leaves one gap, whatever the files' sizes, and all files as they were.
func TestCompact(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 4))
		b := mount(t, newSimDisk(1<<11), seed)
		files := map[capability.Capability][]byte{}
		for {
			data := text(rng, rng.IntN(1<<rng.IntN(15)))
			c, err := b.Create(b.server, data, client.Committed)
			if err != nil {
				break
			}
			files[c] = data
		}
		for c := range files {
			if rng.IntN(2) == 0 {
				b.must(b.Destroy(c))
				delete(files, c)
			}
		}
		open, err := b.Create(b.server, nil, client.Open)
		b.must(err)
		b.must(b.Sync(b.server))
		before := len(b.store.space.runs)
		moved, report, err := b.Compact(b.server)
		b.must(err)
		if pieces := len(b.store.space.runs); pieces != 1 || moved > 3*len(files) {
			t.Errorf("seed %d: %d pieces before, %d now, %d moves of %d files: %s", seed, before, pieces, moved, len(files), report)
		}
		for c, data := range files {
			b.has(c, data)
		}
		b.clean()
		b.must(b.Destroy(open))
		b = mount(t, b.disk.cut(rng), seed)
		for c, data := range files {
			b.has(c, data)
		}
		b.clean()
	}
}
