package pvh

import "encoding/binary"

// code is a tiny assembler: bytes, and where they will lie.
type code struct {
	at  uint32 // physical address of b[0]
	buf []byte
}

func (c *code) emit(b ...byte)        { c.buf = append(c.buf, b...) }
func (c *code) imm32(v uint32)        { c.buf = binary.LittleEndian.AppendUint32(c.buf, v) }
func (c *code) imm64(v uint64)        { c.buf = binary.LittleEndian.AppendUint64(c.buf, v) }
func (c *code) align(n int)           { c.buf = append(c.buf, make([]byte, -len(c.buf)&(n-1))...) }
func (c *code) here() uint32          { return c.at + uint32(len(c.buf)) }
func (c *code) patch(i int, v uint32) { binary.LittleEndian.PutUint32(c.buf[i:], v) }

const (
	cr4Bits  = 1<<5 | 1<<7 | 1<<9 | 1<<10      // PAE PGE OSFXSR OSXMMEXCPT; no OSXSAVE: no AVX in user code
	eferBits = 1<<0 | 1<<8 | 1<<11             // SCE LME NXE
	cr0Bits  = 1<<31 | 1<<16 | 1<<5 | 1<<1 | 1 // PG WP NE MP PE
)

// trampoline is entered by QEMU in 32-bit protected mode, paging off, EBX =
// hvm_start_info. It switches to long mode and jumps to entry (a virtual
// address in the image window) with RDI = hvm_start_info.
func trampoline(at, pml4 uint32, entry uint64) []byte {
	c := &code{at: at}
	c.emit(0xfa, 0xfc)       // cli; cld
	c.emit(0x89, 0xdf)       // mov edi, ebx
	c.emit(0x0f, 0x01, 0x15) // lgdt [gdtr]
	gdtrRef := len(c.buf)
	c.imm32(0)
	c.emit(0xb8) // mov eax, pml4
	c.imm32(pml4)
	c.emit(0x0f, 0x22, 0xd8) // mov cr3, eax
	c.emit(0xb8)             // mov eax, cr4Bits
	c.imm32(cr4Bits)
	c.emit(0x0f, 0x22, 0xe0) // mov cr4, eax
	c.emit(0xb9)             // mov ecx, IA32_EFER
	c.imm32(0xc0000080)
	c.emit(0x31, 0xd2) // xor edx, edx
	c.emit(0xb8)       // mov eax, eferBits
	c.imm32(eferBits)
	c.emit(0x0f, 0x30) // wrmsr
	c.emit(0xb8)       // mov eax, cr0Bits
	c.imm32(cr0Bits)
	c.emit(0x0f, 0x22, 0xc0) // mov cr0, eax
	c.emit(0xea)             // ljmp selKernel64:long
	longRef := len(c.buf)
	c.imm32(0)
	c.emit(selKernel64, 0)

	c.patch(longRef, c.here())
	c.emit(0xb8) // mov eax, selKernelDS
	c.imm32(selKernelDS)
	c.emit(0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0) // mov ds, es, ss, eax
	c.emit(0x31, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8) // xor eax, eax; mov fs, gs, eax
	c.emit(0x89, 0xff)                         // mov edi, edi: clear the upper half
	c.emit(0x48, 0xb8)                         // mov rax, entry
	c.imm64(entry)
	c.emit(0xff, 0xe0) // jmp rax

	c.align(8)
	gdt := c.here()
	for _, d := range []uint64{
		0,
		0x00cf9b000000ffff, // 0x08 32-bit code
		0x00af9b000000ffff, // 0x10 64-bit code
		0x00cf93000000ffff, // 0x18 data
	} {
		c.imm64(d)
	}
	c.patch(gdtrRef, c.here())
	c.emit(4*8-1, 0)
	c.imm32(gdt)
	return c.buf
}

const stubSize = 16

// hasErrorCode says for which vectors the CPU pushes an error code
// (Intel SDM vol. 3, table 6-1).
func hasErrorCode(vector int) bool {
	switch vector {
	case 8, 10, 11, 12, 13, 14, 17, 21, 29, 30:
		return true
	}
	return false
}

// stubs returns the 256 interrupt entries. Each pushes an error code where the
// CPU did not, then its vector, and jumps to the common handler: addresses the
// IDT can name are needed per vector, and Go assembly has no way to make 256
// of them without writing code at run time.
func stubs(at, common uint64) []byte {
	out := make([]byte, 0, 256*stubSize)
	for v := range 256 {
		c := code{}
		if !hasErrorCode(v) {
			c.emit(0x6a, 0x00) // push 0
		}
		c.emit(0x68) // push vector
		c.imm32(uint32(v))
		c.emit(0xe9) // jmp common
		next := at + uint64(v*stubSize+len(c.buf)+4)
		c.imm32(uint32(common - next))
		for len(c.buf) < stubSize {
			c.emit(0xcc)
		}
		out = append(out, c.buf...)
	}
	return out
}
