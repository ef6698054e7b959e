package virtio

import (
	"encoding/binary"

	"motile/kernel/hw"
)

// queue is a split virtqueue (virtio 1.2, 2.7). Every descriptor belongs to one
// buffer for good: descriptor i is buffer i. What is offered, and taken back, is the
// first of a chain of them.
type queue struct {
	size  int
	desc  hw.DMA // 16 bytes each
	avail hw.DMA // flags, idx, ring, used_event
	used  hw.DMA // flags, idx, ring of {id, len}, avail_event

	next  uint16 // our avail.idx
	seen  uint16 // used.idx as far as we looked
	quiet bool   // no interrupts wanted
}

const (
	descNext  = 1
	descWrite = 2

	availNoInterrupt = 1
	usedNoNotify     = 1
)

var le = binary.LittleEndian

// queueBytes is the memory a queue of n descriptors takes.
func queueBytes(n int) int { return alignUp(16*n, 64) + alignUp(6+2*n, 64) + alignUp(6+8*n, 64) }

func alignUp(n, a int) int { return (n + a - 1) &^ (a - 1) }

func newQueue(mem hw.DMA, n int) *queue {
	a := alignUp(16*n, 64)
	u := a + alignUp(6+2*n, 64)
	return &queue{size: n, desc: mem.Slice(0, 16*n), avail: mem.Slice(a, alignUp(6+2*n, 64)), used: mem.Slice(u, alignUp(6+8*n, 64))}
}

// setBuffer says where buffer i lies.
func (q *queue) setBuffer(i int, addr uint64, n int, flags uint16) {
	d := q.desc.Bytes[16*i:]
	le.PutUint64(d, addr)
	le.PutUint32(d[8:], uint32(n))
	le.PutUint16(d[12:], flags)
	le.PutUint16(d[14:], 0)
}

// chain says that buffer next comes behind buffer i.
func (q *queue) chain(i, next int) {
	d := q.desc.Bytes[16*i:]
	le.PutUint16(d[12:], le.Uint16(d[12:])|descNext)
	le.PutUint16(d[14:], uint16(next))
}

// offer gives buffer i to the device. The device sees it after publish.
func (q *queue) offer(i int) {
	le.PutUint16(q.avail.Bytes[4+2*(int(q.next)%q.size):], uint16(i))
	q.next++
}

// publish makes the offered buffers visible, and reports whether the device
// wants to be told.
func (q *queue) publish() bool {
	flags := uint32(0)
	if q.quiet {
		flags = availNoInterrupt
	}
	q.avail.Store32(0, flags|uint32(q.next)<<16)
	return q.used.Load32(0)&usedNoNotify == 0
}

// take returns a buffer the device has finished with, and how many bytes it
// wrote. A device that names a buffer that is not there is not believed.
func (q *queue) take() (i, n int, ok bool) {
	if uint16(q.used.Load32(0)>>16) == q.seen {
		return 0, 0, false
	}
	e := q.used.Bytes[4+8*(int(q.seen)%q.size):]
	q.seen++
	i, n = int(le.Uint32(e)), int(le.Uint32(e[4:]))
	if i >= q.size {
		return 0, 0, false
	}
	return i, n, true
}

// pending reports whether take would return something.
func (q *queue) pending() bool { return uint16(q.used.Load32(0)>>16) != q.seen }
