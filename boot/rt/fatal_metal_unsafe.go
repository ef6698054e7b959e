//go:build metal

package rt

import (
	"unsafe"

	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Reports from places where Go's own panic cannot run: before the runtime, and
// in trap context. They poll the serial port and end the machine.

//go:nosplit
func puts(s string) { hw.PanicWrite(uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(len(s))) }

//go:nosplit
func putHex(v uint64) {
	for shift := 60; shift >= 0; shift -= 4 {
		d := byte(v >> uint(shift) & 15)
		if d < 10 {
			hw.PanicByte('0' + d)
		} else {
			hw.PanicByte('a' + d - 10)
		}
	}
}

//go:nosplit
func fatal(why string) {
	puts("\r\nmotile: ")
	puts(why)
	hw.Fail()
}

//go:nosplit
func putReg(name string, v uint64) {
	puts(name)
	puts("=")
	putHex(v)
	puts(" ")
}

//go:nosplit
func fatalFrame(why string, f *abi.Frame) {
	puts("\r\nmotile: ")
	puts(why)
	puts("\r\n")
	putReg("vector", f.Vector)
	putReg("error", f.Err)
	putReg("cr2", f.CR2)
	putReg("rip", f.IP)
	puts("\r\n")
	putReg("rsp", f.SP)
	putReg("rbp", f.BP)
	putReg("rax", f.AX)
	putReg("rbx", f.BX)
	puts("\r\n")
	putReg("rcx", f.CX)
	putReg("rdx", f.DX)
	putReg("rsi", f.SI)
	putReg("rdi", f.DI)
	puts("\r\n")
	hw.Fail()
}

// runtimeOutput is where the runtime's own messages go: throw, panic, print.
//
//go:nosplit
func runtimeOutput(p, n uint64) {
	for i := range n {
		b := *(*byte)(pointer(p + i))
		if b == '\n' {
			hw.PanicByte('\r')
		}
		hw.PanicByte(b)
	}
}
