//go:build metal

package hw

import "unsafe"

// pointer makes a pointer from an address.
//
// Safety: callers pass addresses in the direct map or the device window, which
// are mapped for good and are no Go memory, so the garbage collector neither
// moves nor frees them.
//
//go:nosplit
func pointer(va uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&va)) }

// Page is a frame's memory, through the direct map.
//
//go:nosplit
func Page(p PFN) *[PageSize]byte { return (*[PageSize]byte)(pointer(DirectBase + uintptr(p)*PageSize)) }

// Table is a frame's memory as a page table.
//
//go:nosplit
func Table(p PFN) *[512]uint64 { return (*[512]uint64)(pointer(DirectBase + uintptr(p)*PageSize)) }

// Physical is n bytes of physical memory at pa, through the direct map: boot
// structures, the boot archive, DMA buffers.
func Physical(pa uint64, n int) []byte {
	return unsafe.Slice((*byte)(pointer(DirectBase+uintptr(pa))), n)
}

//go:nosplit
func load32(va uintptr) uint32 { return *(*uint32)(pointer(va)) }

//go:nosplit
func store32(va uintptr, v uint32) { *(*uint32)(pointer(va)) = v }
