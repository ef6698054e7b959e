package hw

import (
	"sync/atomic"
	"unsafe"
)

// DMA is memory a device reads and writes by its physical address.
type DMA struct {
	Addr  uint64 // physical
	Bytes []byte // the same memory
}

// Load32 reads a word the device writes, before anything read after it.
func (d DMA) Load32(off int) uint32 {
	// Safety: the slice bounds are checked, offsets are multiples of 4 by the
	// virtio layout, and rings are page-aligned.
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&d.Bytes[off : off+4][0])))
}

// Store32 writes a word the device reads, after everything written before it.
func (d DMA) Store32(off int, v uint32) {
	// Safety: as in Load32.
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&d.Bytes[off : off+4][0])), v)
}

// Slice is n bytes of d from off on.
func (d DMA) Slice(off, n int) DMA { return DMA{d.Addr + uint64(off), d.Bytes[off : off+n : off+n]} }
