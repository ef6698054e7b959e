package machinetest

// program assembles the guest to run at a physical address. QEMU enters it by
// the PVH protocol: 32-bit protected mode, EBX = hvm_start_info.
func program(at uint32) []byte {
	a := &asm{at: at, labels: map[string]uint32{}}
	a.setup()
	a.announce()
	a.obey()
	a.subroutines()
	a.tables()
	return a.finish()
}

// setup gives the guest a stack and one interrupt: the serial port's, at
// vector 0x24, whose only use is to end a HLT.
func (a *asm) setup() {
	a.emit(0xfa, 0xfc)              // cli; cld
	a.imm(stackTop, 0xbc)           // mov esp, stackTop
	a.abs("gdtr", 0x0f, 0x01, 0x15) // lgdt [gdtr]
	a.abs("flat", 0xea)             // ljmp 8:flat
	a.emit(8, 0)
	a.label("flat")
	a.imm(16, 0xb8)                            // mov eax, 16
	a.emit(0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0) // mov ds, es, ss, ax

	a.abs("wake", 0xb8)             // mov eax, wake
	a.abs("gate", 0x66, 0xa3)       // mov [gate], ax: offset 0..15
	a.emit(0xc1, 0xe8, 16)          // shr eax, 16
	a.abs("gateHigh", 0x66, 0xa3)   // mov [gateHigh], ax: offset 16..31
	a.abs("idtr", 0x0f, 0x01, 0x1d) // lidt [idtr]
	a.out(0x21, 0xff)               // the old PICs stay silent
	a.out(0xa1, 0xff)
	a.store(0xfee000f0, 0x1ff)    // local APIC on
	a.store(0xfec00000, 0x10+2*4) // IOAPIC, redirection of pin 4:
	a.store(0xfec00010, 0x24)     // fixed, edge, vector 0x24
	a.store(0xfec00000, 0x10+2*4+1)
	a.store(0xfec00010, 0)   // to CPU 0
	a.imm(0x3f9, 0xba)       // mov edx, COM1 interrupt enable
	a.emit(0xb0, 0x01, 0xee) // received data
	a.imm(0x3fc, 0xba)       // mov edx, COM1 modem control
	a.emit(0xb0, 0x0b, 0xee) // OUT2 lets the interrupt through
	a.emit(0x8b, 0x73, 24)   // mov esi, [ebx+24]: command line
	a.emit(0x85, 0xf6)       // test esi, esi
	a.je("obey")             // none: say nothing
}

// announce finds node=N on the command line and prints the ready line, or dies
// if it finds die!, or says nothing if it finds mute.
func (a *asm) announce() {
	a.emit(0x56) // push esi
	a.label("doomed")
	a.imm(le("die!"), 0x81, 0x3e) // cmp dword [esi], "die!"
	a.je("doF")
	a.imm(le("mute"), 0x81, 0x3e) // cmp dword [esi], "mute"
	a.je("obey")
	a.emit(0x80, 0x3e, 0) // cmp byte [esi], 0
	a.emit(0x8d, 0x76, 1) // lea esi, [esi+1]: INC would lose the comparison
	a.jne("doomed")
	a.emit(0x5e) // pop esi

	a.label("scan")
	a.emit(0x80, 0x3e, 0) // cmp byte [esi], 0
	a.je("obey")
	a.imm(le("node"), 0x81, 0x3e) // cmp dword [esi], "node"
	a.jne("next")
	a.emit(0x80, 0x7e, 4, '=') // cmp byte [esi+4], '='
	a.je("found")
	a.label("next")
	a.emit(0x46) // inc esi
	a.jmp("scan")

	a.label("found")
	a.emit(0x83, 0xc6, 5) // add esi, 5
	a.emit(0x56)          // push esi
	a.abs("hello", 0xbe)  // mov esi, hello
	a.call("puts")
	a.emit(0x5e) // pop esi
	a.label("digits")
	a.emit(0xac)      // lodsb
	a.emit(0x3c, '0') // cmp al, '0'
	a.jb("said")
	a.emit(0x3c, '9') // cmp al, '9'
	a.ja("said")
	a.call("putc")
	a.jmp("digits")
	a.label("said")
	a.abs("isready", 0xbe) // mov esi, isready
	a.call("puts")
}

// obey reads a byte from the console and does what it asks, for ever.
func (a *asm) obey() {
	a.label("obey")
	a.emit(0xfa)             // cli, so that no byte comes between test and HLT
	a.imm(0x3fd, 0xba)       // mov edx, COM1 line status
	a.emit(0xec, 0xa8, 0x01) // in al, dx; test al, 1
	a.jne("have")
	a.emit(0xfb, 0xf4) // sti; hlt
	a.jmp("obey")
	a.label("have")
	a.imm(0x3f8, 0xba) // mov edx, COM1
	a.emit(0xec)       // in al, dx
	for _, c := range []byte("FTKC") {
		a.emit(0x3c, c) // cmp al, c
		a.je("do" + string(c))
	}
	a.call("putc")
	a.jmp("obey")

	a.label("doF")
	a.imm(16, 0xb8)    // mov eax, 16
	a.imm(0x501, 0xba) // mov edx, isa-debug-exit
	a.emit(0xef)       // out dx, eax
	a.jmp("obey")

	a.label("doT")
	a.abs("nothing", 0x0f, 0x01, 0x1d) // lidt [nothing]
	a.emit(0xcc)                       // int3

	a.label("doK")
	a.out(0x64, 0xfe)
	a.jmp("obey")

	a.label("doC")
	a.cpuid(1, "edx", "ecx")
	a.cpuid(7, "ebx")
	a.cpuid(0x80000001, "edx", "ecx")
	a.emit(0xb0, '\n') // mov al, '\n'
	a.call("putc")
	a.jmp("obey")
}

// cpuid prints registers of a leaf in hexadecimal, each followed by a space.
func (a *asm) cpuid(leaf uint32, regs ...string) {
	push := map[string]byte{"ebx": 0x53, "ecx": 0x51, "edx": 0x52}
	a.imm(leaf, 0xb8)              // mov eax, leaf
	a.emit(0x31, 0xc9, 0x0f, 0xa2) // xor ecx, ecx; cpuid
	for i := len(regs) - 1; i >= 0; i-- {
		a.emit(push[regs[i]])
	}
	for range regs {
		a.emit(0x5b) // pop ebx
		a.call("hex")
	}
}

func (a *asm) subroutines() {
	a.label("puts") // prints the string at ESI
	a.emit(0xac)    // lodsb
	a.emit(0x84, 0xc0)
	a.je("ret")
	a.call("putc")
	a.jmp("puts")

	a.label("putc") // prints AL; changes EDX
	a.emit(0x50)    // push eax
	a.label("busy")
	a.imm(0x3fd, 0xba)       // mov edx, COM1 line status
	a.emit(0xec, 0xa8, 0x20) // in al, dx; test al, transmitter empty
	a.je("busy")
	a.emit(0x58)       // pop eax
	a.imm(0x3f8, 0xba) // mov edx, COM1
	a.emit(0xee)       // out dx, al
	a.label("ret")
	a.emit(0xc3)

	a.label("hex") // prints EBX and a space; changes EAX, ECX, EDX
	a.imm(8, 0xb9) // mov ecx, 8
	a.label("nibble")
	a.emit(0xc1, 0xc3, 4)        // rol ebx, 4
	a.emit(0x88, 0xd8, 0x24, 15) // mov al, bl; and al, 15
	a.emit(0x04, 0x90, 0x27)     // add al, 0x90; daa
	a.emit(0x14, 0x40, 0x27)     // adc al, 0x40; daa: the digit
	a.call("putc")
	a.emit(0x49) // dec ecx
	a.jne("nibble")
	a.emit(0xb0, ' ') // mov al, ' '
	a.jmp("putc")

	a.label("wake") // interrupt: acknowledge, return
	a.store(0xfee000b0, 0)
	a.emit(0xcf) // iret
}

func (a *asm) tables() {
	a.label("hello")
	a.emit([]byte("motile: node \x00")...)
	a.label("isready")
	a.emit([]byte(" ready\n\x00")...)

	a.label("gdt")
	a.emit(0, 0, 0, 0, 0, 0, 0, 0)
	a.emit(0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0) // 0x08 flat code
	a.emit(0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0) // 0x10 flat data
	a.label("gdtr")
	a.abs("gdt", 23, 0)

	const idtLimit = 0x25*8 - 1 // vectors 0 to 0x24
	a.label("idt")
	a.emit(make([]byte, 0x24*8)...)
	a.label("gate")
	a.emit(0, 0, 8, 0, 0, 0x8e) // 32-bit interrupt gate
	a.label("gateHigh")
	a.emit(0, 0)
	a.label("idtr")
	a.abs("idt", (idtLimit & 0xff), idtLimit>>8)
	a.label("nothing")
	a.emit(0, 0, 0, 0, 0, 0)
}

// le is four characters as the little-endian number that CMP wants.
func le(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
