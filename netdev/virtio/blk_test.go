package virtio

import (
	"bytes"
	"testing"

	"motile/kernel/hw"
)

// fakeDisk is a block device as the driver sees it: registers, and what it does with
// its queue when it is told to look.
type fakeDisk struct {
	config []byte
	has    uint64
	most   int // descriptors of its queue
	state  uint8
	q      *queue

	image []byte
	seen  uint16 // of the driver's avail.idx
	ended uint16 // our used.idx
	syncs int
	fail  bool // requests end with an error
}

func (f *fakeDisk) deviceType() int          { return typeBlock }
func (f *fakeDisk) features() uint64         { return f.has | featureVersion1 }
func (f *fakeDisk) setFeatures(uint64)       {}
func (f *fakeDisk) status() uint8            { return f.state }
func (f *fakeDisk) setStatus(s uint8)        { f.state = s }
func (f *fakeDisk) queueMax(int) int         { return f.most }
func (f *fakeDisk) setQueue(_ int, q *queue) { f.q = q }
func (f *fakeDisk) notify(int)               {}
func (f *fakeDisk) acknowledge() bool        { return true }
func (f *fakeDisk) config8(off int) uint8    { return f.config[off] }

// hostMemory is DMA memory; addresses are offsets in it.
type hostMemory struct{ all []byte }

func (m *hostMemory) alloc(n int) (hw.DMA, bool) {
	at := len(m.all)
	if at+n > cap(m.all) {
		return hw.DMA{}, false
	}
	m.all = m.all[:alignUp(at+n, 64)]
	return hw.DMA{Addr: uint64(at), Bytes: m.all[at : at+n : at+n]}, true
}

// work carries out the chains that are offered, the last first: devices may.
func (f *fakeDisk) work(m *hostMemory) {
	offered := uint16(f.q.avail.Load32(0) >> 16)
	for ; f.seen != offered; offered-- {
		head := int(le.Uint16(f.q.avail.Bytes[4+2*(int(offered-1)%f.q.size):]))
		f.carryOut(m, head)
	}
	f.seen = uint16(f.q.avail.Load32(0) >> 16)
}

func (f *fakeDisk) carryOut(m *hostMemory, head int) {
	var chain [][]byte
	for i := head; ; {
		d := f.q.desc.Bytes[16*i:]
		at := le.Uint64(d)
		chain = append(chain, m.all[at:at+uint64(le.Uint32(d[8:]))])
		if le.Uint16(d[12:])&descNext == 0 {
			break
		}
		i = int(le.Uint16(d[14:]))
	}
	kind, at := le.Uint32(chain[0]), le.Uint64(chain[0][8:])*sector
	status := chain[len(chain)-1]
	switch {
	case f.fail:
		status[0] = 1
	case kind == blkIn:
		copy(chain[1], f.image[at:])
		status[0] = blkGood
	case kind == blkOut:
		copy(f.image[at:], chain[1])
		status[0] = blkGood
	case kind == blkSync:
		f.syncs++
		status[0] = blkGood
	}
	f.end(head)
}

// end puts a chain into the used ring.
func (f *fakeDisk) end(head int) {
	e := f.q.used.Bytes[4+8*(int(f.ended)%f.q.size):]
	le.PutUint32(e, uint32(head))
	f.ended++
	f.q.used.Store32(0, uint32(f.ended)<<16)
}

func diskOf(t *testing.T, has uint64) (*Disk, *fakeDisk, *hostMemory) {
	t.Helper()
	f := &fakeDisk{has: has, most: 64, image: make([]byte, 1000*sector), config: []byte{1000 & 255, 1000 >> 8, 0, 0, 0, 0, 0, 0}}
	m := &hostMemory{all: make([]byte, 0, 4<<20)}
	d, err := newDisk(f, 5, 64<<20, m.alloc)
	if err != nil {
		t.Fatal(err)
	}
	return d, f, m
}

func TestDisk(t *testing.T) {
	d, f, m := diskOf(t, blkFlush)
	if d.Blocks() != 1000 || d.ReadOnly() || !d.Cached() {
		t.Fatalf("%d blocks, read-only %v, cached %v", d.Blocks(), d.ReadOnly(), d.Cached())
	}
	// As many requests as there are slots, and not one more; they end in another order.
	want := map[int][]byte{}
	at := map[int]uint64{}
	for i := range d.Slots() {
		data := bytes.Repeat([]byte{byte(i + 1)}, (i+1)*sector)
		slot, ok := d.Write(uint64(i*20), data)
		if !ok {
			t.Fatalf("no slot for request %d", i)
		}
		want[slot], at[slot] = data, uint64(i*20)
	}
	if _, ok := d.Sync(); ok {
		t.Error("more requests than slots")
	}
	d.Flush()
	f.work(m)
	if !d.Interrupt() {
		t.Error("no interrupt")
	}
	ended := 0
	for {
		slot, data, ok, done := d.Done()
		if !done {
			break
		}
		ended++
		if !ok || len(data) != 0 || !bytes.Equal(f.image[at[slot]*sector:][:len(want[slot])], want[slot]) {
			t.Errorf("request in slot %d: ok %v, %d bytes read, or not written", slot, ok, len(data))
		}
	}
	if ended != d.Slots() {
		t.Fatalf("%d requests have ended of %d", ended, d.Slots())
	}
	// All slots are free again, often enough to go round the ring.
	for i := range 100 {
		slot, ok := d.Read(20, 2)
		if !ok {
			t.Fatalf("round %d: no slot", i)
		}
		d.Flush()
		f.work(m)
		got, data, ok, done := d.Done()
		if !done || !ok || got != slot || !bytes.Equal(data, f.image[20*sector:22*sector]) {
			t.Fatalf("round %d: slot %d for %d, done %v, ok %v, %d bytes", i, got, slot, done, ok, len(data))
		}
	}
	d.Done()
	d.Sync()
	d.Flush()
	f.work(m)
	if _, _, ok, done := d.Done(); !ok || !done || f.syncs != 1 {
		t.Errorf("sync: done %v, ok %v, %d syncs", done, ok, f.syncs)
	}
}

func TestDisk_Errors(t *testing.T) {
	d, f, m := diskOf(t, 0)
	if d.Cached() {
		t.Error("a device without FLUSH has no cache that we know of")
	}
	f.fail = true
	d.Read(0, 1)
	d.Flush()
	f.work(m)
	if _, _, ok, done := d.Done(); ok || !done {
		t.Errorf("the device failed: done %v, ok %v", done, ok)
	}
	// A device that names what is not under way.
	d.Done()
	for _, head := range []int{0, 1, 3000} {
		f.end(head)
	}
	if slot, _, _, done := d.Done(); done {
		t.Errorf("slot %d has ended that was not begun", slot)
	}
	if _, err := newDisk(&fakeDisk{most: 3, config: f.config}, 5, 64<<20, m.alloc); err == nil {
		t.Error("a queue of three descriptors is too short")
	}
	if _, err := newDisk(&fakeDisk{most: 64, config: f.config}, 5, 64<<20, func(int) (hw.DMA, bool) { return hw.DMA{}, false }); err == nil {
		t.Error("a disk without memory")
	}
}
