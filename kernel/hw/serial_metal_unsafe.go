//go:build metal

package hw

// The first serial port, a 16550A (COM1). Two ways out: Serial* for the
// interrupt-driven console, and PanicWrite, which polls and works in any context.

const (
	com1      = 0x3f8
	SerialIRQ = 4
)

// InitSerial sets the port up.
func InitSerial() {
	Out8(com1+1, 0)    // no interrupts yet
	Out8(com1+3, 0x03) // 8N1
	Out8(com1+2, 0x07) // FIFOs on and empty, interrupt at the first byte
	Out8(com1+4, 0x0b) // DTR RTS OUT2
	Out8(com1+1, 0x01) // interrupt on received data
}

// SerialRead takes a received byte.
func SerialRead() (b byte, ok bool) {
	if In8(com1+5)&1 == 0 {
		return 0, false
	}
	return In8(com1), true
}

// SerialWrite hands the transmitter up to a FIFO of bytes and returns how many
// it took: none while it is still busy.
func SerialWrite(p []byte) int {
	if In8(com1+5)&0x20 == 0 {
		return 0
	}
	n := min(len(p), 16)
	for _, b := range p[:n] {
		Out8(com1, b)
	}
	return n
}

// SerialNotify turns the interrupt for an empty transmitter on or off.
func SerialNotify(on bool) {
	if on {
		Out8(com1+1, 0x03)
	} else {
		Out8(com1+1, 0x01)
	}
}

// PanicWrite writes bytes at address p to the serial port, waiting for each.
//
//go:nosplit
func PanicWrite(p, n uintptr) {
	for i := range n {
		putByte(*(*byte)(pointer(p + i)))
	}
}

// PanicByte writes one byte to the serial port, waiting until it is taken.
//
//go:nosplit
func PanicByte(b byte) { putByte(b) }

//go:nosplit
func putByte(b byte) {
	for In8(com1+5)&0x20 == 0 {
	}
	Out8(com1, b)
}
