package virtio

import (
	"fmt"

	"motile/kernel/hw"
)

// Feature bits of a block device (virtio 1.2, 5.2.3).
const (
	blkReadOnly = 1 << 5
	blkFlush    = 1 << 9
)

// Requests and what becomes of them (virtio 1.2, 5.2.6).
const (
	blkIn    = 0
	blkOut   = 1
	blkSync  = 4
	blkGood  = 0
	blkQueue = 0

	blkHeader = 16 // type, reserved, sector

	sector = 512
)

// Bounds of a disk's requests.
const (
	// DiskMost is how many blocks a request has at most.
	DiskMost = 128 << 10 / sector

	maxRequests = 8
	minRequests = 2
	diskShare   = 64 // of a node's memory, for the data of requests

	parts = 3 // descriptors of one request: header, data, status
)

// Disk is a block device. Requests are named by the slots that the caller gets them
// in, several of which may be under way; they end in any order.
type Disk struct {
	IRQ int // I/O APIC pin

	t        transport
	blocks   uint64
	readOnly bool
	cached   bool // a sync empties its cache
	q        *queue
	mem      hw.DMA
	free     []int
	busy     []bool
	lengths  []int // of what is read, by slot
	held     int   // slot whose data the last Done returned, -1: none
	queued   bool  // requests not yet published
}

// slotBytes is the memory of a request: data first, so that it is aligned.
const slotBytes = DiskMost*sector + 64

// newDisk brings up a disk of a node that has so many bytes of memory.
func newDisk(t transport, irq, total int, alloc memory) (*Disk, error) {
	f, err := start(t, blkReadOnly|blkFlush)
	if err != nil {
		return nil, err
	}
	d := &Disk{IRQ: irq, t: t, readOnly: f&blkReadOnly != 0, cached: f&blkFlush != 0, held: -1}
	for i := range 8 {
		d.blocks |= uint64(t.config8(i)) << (8 * i)
	}
	most := t.queueMax(blkQueue)
	n := min(max(total/diskShare/slotBytes, minRequests), maxRequests)
	if most < n*parts {
		t.setStatus(statusFailed)
		return nil, fmt.Errorf("virtio-blk: a queue of %d: %d are needed", most, n*parts)
	}
	size := ringSize(n * parts)
	ring, ok1 := alloc(queueBytes(size))
	mem, ok2 := alloc(n * slotBytes)
	if !ok1 || !ok2 {
		t.setStatus(statusFailed)
		return nil, fmt.Errorf("virtio-blk: no memory for %d requests", n)
	}
	d.q, d.mem = newQueue(ring, size), mem
	t.setQueue(blkQueue, d.q)
	ready(t)
	d.busy, d.lengths = make([]bool, n), make([]int, n)
	for i := range n {
		d.free = append(d.free, i)
	}
	return d, nil
}

// ringSize is the least power of two that holds n descriptors.
func ringSize(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

// Blocks is how many there are, of 512 bytes.
func (d *Disk) Blocks() uint64 { return d.blocks }

// ReadOnly reports whether the device refuses writes.
func (d *Disk) ReadOnly() bool { return d.readOnly }

// Slots is how many requests there can be at a time.
func (d *Disk) Slots() int { return len(d.busy) }

// Read begins to read blocks. It reports false, as Write and Sync do, if all slots are
// busy. Preconditions: the blocks exist, and are DiskMost at most.
func (d *Disk) Read(block uint64, count int) (slot int, ok bool) {
	return d.begin(blkIn, block, count*sector, nil)
}

// Write begins to write blocks. Preconditions: those of Read; data is of whole blocks.
func (d *Disk) Write(block uint64, data []byte) (slot int, ok bool) {
	return d.begin(blkOut, block, len(data), data)
}

// Sync begins to bring everything that was written before to stable storage.
// Preconditions: the device has a cache.
func (d *Disk) Sync() (slot int, ok bool) { return d.begin(blkSync, 0, 0, nil) }

// Cached reports whether what was written may be in a cache yet.
func (d *Disk) Cached() bool { return d.cached }

func (d *Disk) take() (slot int, ok bool) {
	if len(d.free) == 0 {
		return 0, false
	}
	slot = d.free[len(d.free)-1]
	d.free = d.free[:len(d.free)-1]
	d.busy[slot] = true
	return slot, true
}

func (d *Disk) begin(kind uint32, block uint64, n int, data []byte) (int, bool) {
	i, ok := d.take()
	if !ok {
		return 0, false
	}
	mem := d.mem.Slice(i*slotBytes, slotBytes)
	head, status := mem.Slice(DiskMost*sector, blkHeader), mem.Slice(DiskMost*sector+blkHeader, 1)
	le.PutUint32(head.Bytes, kind)
	le.PutUint32(head.Bytes[4:], 0)
	le.PutUint64(head.Bytes[8:], block)
	status.Bytes[0] = 0xff // no status of the device's
	copy(mem.Bytes[:n], data)
	d.lengths[i] = 0
	first, flags := i*parts, uint16(0)
	if kind == blkIn {
		d.lengths[i], flags = n, descWrite
	}
	d.q.setBuffer(first, head.Addr, blkHeader, 0)
	d.q.setBuffer(first+1, mem.Addr, n, flags)
	d.q.setBuffer(first+2, status.Addr, 1, descWrite)
	if n > 0 {
		d.q.chain(first, first+1)
		d.q.chain(first+1, first+2)
	} else {
		d.q.chain(first, first+2)
	}
	d.q.offer(first)
	d.queued = true
	return i, true
}

// Flush tells the device about the requests since the last Flush.
func (d *Disk) Flush() {
	if d.queued {
		d.queued = false
		if d.q.publish() {
			d.t.notify(blkQueue)
		}
	}
}

// Done returns a request that has ended: its slot, which is free again, what was read,
// which is there until the next call of Done, and whether the device could do it.
// done is false if there is none. A device that ends what was not begun is not believed.
func (d *Disk) Done() (slot int, data []byte, ok, done bool) {
	if d.held >= 0 {
		d.release(d.held)
		d.held = -1
	}
	for d.q.pending() {
		first, _, sound := d.q.take()
		i := first / parts
		if !sound || first%parts != 0 || i >= len(d.busy) || !d.busy[i] {
			continue
		}
		d.held = i
		mem := d.mem.Bytes[i*slotBytes:]
		return i, mem[:d.lengths[i]], mem[DiskMost*sector+blkHeader] == blkGood, true
	}
	return 0, nil, false, false
}

func (d *Disk) release(slot int) {
	d.busy[slot] = false
	d.free = append(d.free, slot)
}

// Pending reports whether Done would return something.
func (d *Disk) Pending() bool { return d.q.pending() }

// Interrupt acknowledges the device's interrupt, and reports whether there was one.
func (d *Disk) Interrupt() bool { return d.t.acknowledge() }
