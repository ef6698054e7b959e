//go:build metal

package hw

// How a node ends. QEMU's isa-debug-exit device turns a write into QEMU's own
// exit status, (v<<1)|1, which is never 0; a clean end is a reset through the
// triple fault, which every machine type has and -no-reboot turns into exit
// status 0.

const debugExitPort = 0x501

// ExitFailure is the status the launcher sees after a panic: (16<<1)|1 = 33.
const ExitFailure = 16

// PowerOff ends the machine cleanly.
//
//go:nosplit
func PowerOff() { tripleFault() }

// Fail ends the machine with a failure status.
//
//go:nosplit
func Fail() {
	Out32(debugExitPort, ExitFailure)
	tripleFault() // no such device: end at least
}
