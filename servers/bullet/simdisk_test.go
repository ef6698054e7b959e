package bullet

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
)

// simDisk is a disk that forgets: at a power cut each block that was written since the
// last sync has been written, or not, by itself; of one that was written several times,
// any of those.
type simDisk struct {
	mu      sync.Mutex
	blocks  uint64
	stable  map[uint64][]byte   // what a sync has brought there
	fresh   map[uint64][][]byte // written since, oldest first
	ops     int                 // writes and syncs
	cutAt   int                 // the power is cut at this one; 0: never
	dead    bool
	failing bool // writes and syncs end with an error
}

var errCut = errors.New("the power is off")

func newSimDisk(blocks uint64) *simDisk {
	return &simDisk{blocks: blocks, stable: map[uint64][]byte{}, fresh: map[uint64][][]byte{}}
}

func (d *simDisk) Blocks() uint64 { return d.blocks }

func (d *simDisk) Read(block uint64, p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errCut
	}
	if len(p)%blockSize != 0 || block+uint64(len(p)/blockSize) > d.blocks {
		panic("read of what is not there")
	}
	for i := 0; i < len(p); i += blockSize {
		clear(p[i : i+blockSize])
		copy(p[i:], d.stable[block])
		if list := d.fresh[block]; len(list) > 0 {
			copy(p[i:], list[len(list)-1])
		}
		block++
	}
	return nil
}

// op counts, and reports whether the power is off. The operation that it is cut in may
// still have been carried out, or in part.
func (d *simDisk) op() (err error, cut bool) {
	if d.dead {
		return errCut, false
	}
	if d.failing {
		return errors.New("the device does not do it"), false
	}
	d.ops++
	if d.ops == d.cutAt {
		d.dead = true
		return nil, true
	}
	return nil, false
}

func (d *simDisk) Write(block uint64, p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(p)%blockSize != 0 || len(p) == 0 || block+uint64(len(p)/blockSize) > d.blocks {
		panic("write of what is not there")
	}
	err, cut := d.op()
	if err != nil {
		return err
	}
	for ; len(p) > 0; p = p[blockSize:] {
		d.fresh[block] = append(d.fresh[block], slices.Clone(p[:blockSize]))
		block++
	}
	if cut {
		return errCut
	}
	return nil
}

func (d *simDisk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err, cut := d.op()
	switch {
	case err != nil:
		return err
	case cut:
		return errCut
	}
	for block, list := range d.fresh {
		d.stable[block] = list[len(list)-1]
	}
	clear(d.fresh)
	return nil
}

// cut is the disk as it may be found after the power was cut.
func (d *simDisk) cut(rng *rand.Rand) *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	found := newSimDisk(d.blocks)
	for block, p := range d.stable {
		found.stable[block] = p
	}
	var fresh []uint64
	for block := range d.fresh {
		fresh = append(fresh, block)
	}
	slices.Sort(fresh)
	mode := rng.IntN(4) // everything may have come, nothing, or any part
	for _, block := range fresh {
		list := d.fresh[block]
		k := rng.IntN(len(list)+1) - 1
		switch mode {
		case 0:
			k = len(list) - 1
		case 1:
			k = -1
		}
		if k >= 0 {
			found.stable[block] = list[k]
		}
	}
	return found
}
