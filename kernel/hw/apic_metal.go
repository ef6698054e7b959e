//go:build metal

package hw

import "motile/kernel/abi"

// The local APIC (Intel SDM vol. 3, chapter 11) and the I/O APIC (82093AA).

const (
	lapicPhys    = 0xfee00000
	ioapicPhys   = 0xfec00000
	lapicID      = 0x20
	lapicTPR     = 0x80
	lapicEOI     = 0xb0
	lapicSVR     = 0xf0
	lapicTimer   = 0x320
	lapicInitial = 0x380
	lapicCurrent = 0x390
	lapicDivide  = 0x3e0

	// IOAPICPins is how many interrupt lines the I/O APIC has.
	IOAPICPins = 24
)

var lapicBase, ioapicBase uintptr

//go:nosplit
func lapicRead(reg uintptr) uint32 { return load32(lapicBase + reg) }

//go:nosplit
func lapicWrite(reg uintptr, v uint32) { store32(lapicBase+reg, v) }

//go:nosplit
func initAPIC() {
	// The two legacy interrupt controllers stay silent.
	Out8(0x21, 0xff)
	Out8(0xa1, 0xff)
	// The legacy timer (8254) counts once and stops. Left alone it changes its output
	// 36 times a second for ever, and wakes the emulator each time.
	Out8(0x43, 0x30) // channel 0, both bytes, mode 0
	Out8(0x40, 1)
	Out8(0x40, 0)
	lapicBase = MapMMIO(lapicPhys, PageSize)
	ioapicBase = MapMMIO(ioapicPhys, PageSize)
	lapicWrite(lapicTPR, 0)
	lapicWrite(lapicSVR, 0x100|abi.VecSpurious)
	lapicWrite(lapicDivide, 0xb) // divide by 1
	lapicWrite(lapicTimer, 1<<16|abi.VecTimer)
	calibrate()
	lapicWrite(lapicTimer, abi.VecTimer) // one-shot, unmasked
}

// EOI ends the interrupt in service.
//
//go:nosplit
func EOI() { lapicWrite(lapicEOI, 0) }

// SetTimer makes the LAPIC interrupt after ns nanoseconds, once.
//
//go:nosplit
func SetTimer(ns int64) {
	if ns < 1 {
		ns = 1
	}
	if ns > 4_000_000_000 {
		ns = 4_000_000_000
	}
	lapicWrite(lapicInitial, uint32(ns))
}

// EnableIRQ routes an I/O APIC pin to vector VecIRQ+pin. All of QEMU's devices
// that Motile uses work edge-triggered.
func EnableIRQ(pin int) {
	store32(ioapicBase, uint32(0x10+2*pin+1))
	store32(ioapicBase+0x10, lapicRead(lapicID)&0xff000000)
	store32(ioapicBase, uint32(0x10+2*pin))
	store32(ioapicBase+0x10, uint32(abi.VecIRQ+pin))
}
