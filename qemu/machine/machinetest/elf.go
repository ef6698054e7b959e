package machinetest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
)

const (
	loadAddr = 0x100000 // physical
	stackTop = 0x110000
	ehdrSize = 64
	phdrSize = 56
	noteSize = 24
)

// Kernel returns the guest as an ELF file for qemu -kernel: headers, a PVH
// note (XEN_ELFNOTE_PHYS32_ENTRY) and the code, in one segment.
func Kernel() []byte {
	const noteOff = ehdrSize + 2*phdrSize
	const codeOff = noteOff + noteSize
	code := program(loadAddr + codeOff)
	size := uint64(codeOff + len(code))

	var out bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&out, binary.LittleEndian, v); err != nil {
			panic(err) // only fixed-size structs are written
		}
	}
	put(elf.Header64{
		Ident:     [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:      uint16(elf.ET_EXEC),
		Machine:   uint16(elf.EM_X86_64),
		Version:   uint32(elf.EV_CURRENT),
		Entry:     loadAddr + codeOff,
		Phoff:     ehdrSize,
		Ehsize:    ehdrSize,
		Phentsize: phdrSize,
		Phnum:     2,
	})
	put(elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X),
		Vaddr: loadAddr, Paddr: loadAddr, Filesz: size, Memsz: size, Align: 4096})
	put(elf.Prog64{Type: uint32(elf.PT_NOTE), Flags: uint32(elf.PF_R), Off: noteOff,
		Vaddr: loadAddr + noteOff, Paddr: loadAddr + noteOff, Filesz: noteSize, Memsz: noteSize, Align: 4})
	put(struct {
		NameSize, DescSize, Type uint32
		Name                     [4]byte
		Entry                    uint64
	}{4, 8, 18, [4]byte{'X', 'e', 'n'}, loadAddr + codeOff})
	out.Write(code)
	return out.Bytes()
}

// WriteKernel puts the guest into a file.
func WriteKernel(path string) error {
	return os.WriteFile(path, Kernel(), 0o644)
}
