//go:build metal

package hw

// Instructions (cpu_metal_amd64.s). All are nosplit and do not allocate.

func In8(port uint16) uint8
func In16(port uint16) uint16
func In32(port uint16) uint32
func Out8(port uint16, v uint8)
func Out16(port uint16, v uint16)
func Out32(port uint16, v uint32)

func ReadMSR(msr uint32) uint64
func WriteMSR(msr uint32, v uint64)
func ReadCR2() uint64
func ReadCR3() uint64
func WriteCR3(v uint64)
func ReadCR4() uint64
func WriteCR4(v uint64)
func InvalidatePage(va uintptr)

// CPUID executes the instruction of that name.
func CPUID(leaf, sub uint32) (a, b, c, d uint32)

// TSC reads the time stamp counter.
func TSC() uint64

// RDRAND returns 64 random bits; ok is false when the CPU had none ready.
// Preconditions: the CPU has the instruction.
func RDRAND() (v uint64, ok bool)

// Model-specific registers (Intel SDM vol. 4).
const (
	MSREFER     = 0xc0000080
	MSRSTAR     = 0xc0000081
	MSRLSTAR    = 0xc0000082
	MSRSFMASK   = 0xc0000084
	MSRFSBase   = 0xc0000100
	MSRGSBase   = 0xc0000101
	MSRAPICBase = 0x1b
)

// CR4 bits (Intel SDM vol. 3, 2.5).
const (
	CR4TSD  = 1 << 2 // RDTSC traps in ring 3
	CR4PGE  = 1 << 7
	CR4SMEP = 1 << 20
	CR4SMAP = 1 << 21
)

// interruptsOff disables interrupts and returns the flags to give back to
// interruptsRestore.
func interruptsOff() uint64
func interruptsRestore(flags uint64)

func tripleFault()
