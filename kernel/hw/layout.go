package hw

import "math/bits"

// The kernel's address space. User programs have the lower half.
// boot/pvh builds the tables that make it so; a test compares the constants.
const (
	DirectBase = 0xffff800000000000 // physical memory, read-write, never executable
	HeapBase   = 0xffff900000000000 // the Go runtime's memory, demand-zero, one PML4 slot
	HeapTop    = HeapBase + 1<<39
	MMIOBase   = 0xffffa00000000000 // device registers, uncached
	ImageBase  = 0xffffffff80000000 // the kernel image, at its physical address

	PML4Kernel = 256 // the first PML4 slot of the kernel half
)

// Page-table entry bits (Intel SDM vol. 3, 4.5.4).
const (
	PTEPresent  = 1 << 0
	PTEWrite    = 1 << 1
	PTEUser     = 1 << 2
	PTEPWT      = 1 << 3
	PTEPCD      = 1 << 4
	PTEAccessed = 1 << 5
	PTEDirty    = 1 << 6
	PTEHuge     = 1 << 7
	PTEGlobal   = 1 << 8
	PTENX       = 1 << 63

	// Bits the CPU ignores, used by kernel/vm.
	PTESoft0 = 1 << 9
	PTESoft1 = 1 << 10
	PTESoft2 = 1 << 11

	PTEAddr = 0x000ffffffffff000
)

// Slots is a set of PML4 slots of the user half.
type Slots [PML4Kernel / 64]uint64

// Add puts a slot into the set.
func (s *Slots) Add(i int) { s[i/64] |= 1 << (i % 64) }

// all yields the slots of the set.
func (s *Slots) all(yield func(i int) bool) {
	for w, word := range s {
		for ; word != 0; word &= word - 1 {
			if !yield(w*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// PFN is the number of a page frame: its physical address divided by PageSize.
type PFN uint32

const PageSize = 4096

// Address is the frame's physical address.
func (p PFN) Address() uint64 { return uint64(p) * PageSize }
