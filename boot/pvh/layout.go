package pvh

// Where things lie. kernel/hw declares the same constants for the running
// kernel; a test in boot/rt compares the two.
const (
	ImageBase  = 0xffffffff80000000 // virtual address of physical 0 in the image window
	DirectBase = 0xffff800000000000 // virtual address of physical 0 in the direct map
	BootPhys   = 0x100000           // the boot segment, just below the kernel image

	pml4Direct = 256 // DirectBase
	pml4Heap   = 288 // 0xffff900000000000, the Go heap, demand-zero
	pml4MMIO   = 320 // 0xffffa00000000000, device registers
	pml4Image  = 511 // ImageBase

	pageSize = 4096
	hugeSize = 2 << 20
)

// Page-table entry bits (Intel SDM vol. 3, 4.5).
const (
	pteP      = 1 << 0
	pteW      = 1 << 1
	ptePS     = 1 << 7
	pteG      = 1 << 8
	pteNX     = 1 << 63
	pteAD     = 1<<5 | 1<<6 // accessed and dirty, set ahead so the CPU never writes the table
	tableBits = pteP | pteW | 1<<5
)

// Segment selectors; the numbers are Linux's, because user programs see
// theirs in signal frames (0x33, 0x2b).
const (
	selKernel32 = 0x08
	selKernel64 = 0x10
	selKernelDS = 0x18
)
