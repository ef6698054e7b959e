//go:build !metal

package hw

import "unsafe"

// The host machine: MemoryPages frames of ordinary memory, for tests of what
// lies above this package. Frame 0 is never handed out, as on metal.
const MemoryPages = 32 << 10

var memory = make([][PageSize]byte, MemoryPages)

func init() { Reboot() }

// Reboot begins with all memory free and zero again, whoever has it.
func Reboot() {
	clear(memory[:frames.ranges[0].next])
	frames.head, frames.stacked, frames.nranges, frames.stats = 0, 0, 0, FrameStats{Ceiling: 1024}
	addRange(1, MemoryPages)
}

// Page is a frame's memory.
func Page(p PFN) *[PageSize]byte { return &memory[p] }

// Table is a frame's memory as a page table.
//
// Safety: the backing array is page-sized and large enough to be 8-aligned.
func Table(p PFN) *[512]uint64 { return (*[512]uint64)(unsafe.Pointer(&memory[p])) }

func interruptsOff() uint64      { return 0 }
func interruptsRestore(_ uint64) {}

// There is no translation cache here, and each table counts as selected.

func Selected(PFN) bool                 { return true }
func Select(PFN, *Slots)                {}
func SetSlot(root PFN, i int, e uint64) { Table(root)[i] = e }
func Deselect(PFN)                      {}
func FlushPage(PFN, uint64)             {}
func FlushAll(PFN)                      {}
func Invalidate(uint64)                 {}
