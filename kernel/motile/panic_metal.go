//go:build metal

package main

import (
	"fmt"
	"runtime"

	"golang.org/x/arch/x86/x86asm"

	"motile/boot/rt"
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/trace"
)

// panicked reports a panic of the kernel and ends the node with a failure
// status. It is deferred by main, so it runs on the stack of what went wrong.
func (m *machine) panicked() {
	r := recover()
	say := func(format string, args ...any) {
		for _, c := range []byte(fmt.Sprintf(format, args...)) {
			if c == '\n' {
				hw.PanicByte('\r')
			}
			hw.PanicByte(c)
		}
	}
	say("\nmotile: node %d: kernel panic: %v\n", m.params.number("node", 0), r)
	if f := &rt.LastFault; f.IP != 0 {
		say("last fault in the kernel: vector %d, error %#x, cr2 %#x\n", f.Vector, f.Err, f.CR2)
		printRegisters(say, f)
		disassemble(say, f.IP, 8)
	}
	if m.node != nil {
		say("recent events:\n")
		m.node.Ring.Last(32, func(e trace.Event) {
			say("  %12d %-9s tid %d  %#x %#x\n", e.Time, e.Kind, e.TID, e.A, e.B)
		})
	}
	buf := make([]byte, 16<<10)
	say("%s\n", buf[:runtime.Stack(buf, false)])
	hw.Fail()
}

func printRegisters(say func(string, ...any), f *abi.Frame) {
	say("rip %016x  %s\n", f.IP, symbol(f.IP))
	say("rax %016x  rbx %016x  rcx %016x  rdx %016x\n", f.AX, f.BX, f.CX, f.DX)
	say("rsi %016x  rdi %016x  rbp %016x  rsp %016x\n", f.SI, f.DI, f.BP, f.SP)
	say("r8  %016x  r9  %016x  r10 %016x  r11 %016x\n", f.R8, f.R9, f.R10, f.R11)
	say("r12 %016x  r13 %016x  r14 %016x  r15 %016x\n", f.R12, f.R13, f.R14, f.R15)
	say("flags %#x  fs %#x\n", f.Flags, f.FSBase)
}

// symbol names the function and line of a kernel address.
func symbol(pc uint64) string {
	fn := runtime.FuncForPC(uintptr(pc))
	if fn == nil {
		return "?"
	}
	file, line := fn.FileLine(uintptr(pc))
	return fmt.Sprintf("%s+%#x %s:%d", fn.Name(), pc-uint64(fn.Entry()), file, line)
}

// disassemble prints count instructions from pc on, if pc is in the kernel's text.
func disassemble(say func(string, ...any), pc uint64, count int) {
	if runtime.FuncForPC(uintptr(pc)) == nil {
		return
	}
	code := hw.Physical(pc-hw.ImageBase, 16*count)
	for range count {
		inst, err := x86asm.Decode(code, 64)
		size := inst.Len
		text := "?"
		if err == nil && inst.Op != 0 {
			text = x86asm.GNUSyntax(inst, pc, func(a uint64) (string, uint64) {
				if fn := runtime.FuncForPC(uintptr(a)); fn != nil && uint64(fn.Entry()) == a {
					return fn.Name(), a
				}
				return "", 0
			})
		} else {
			size = 1 // what it does not know, such as ENDBR64: go on bytewise
		}
		say("  %x: %-24x %s\n", pc, code[:size], text)
		code, pc = code[size:], pc+uint64(size)
	}
}

// breakDown writes where there is nothing.
//
//go:noinline
func breakDown(m *machine) { m.wallBase = 1 }
