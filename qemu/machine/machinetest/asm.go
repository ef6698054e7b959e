package machinetest

import (
	"encoding/binary"
	"fmt"
)

// asm collects 32-bit code. Jumps, calls and addresses name labels, which may
// be defined later; finish resolves them.
type asm struct {
	at     uint32 // physical address of buf[0]
	buf    []byte
	labels map[string]uint32 // physical address
	fixes  []fix
}

type fix struct {
	off      int // of a 32-bit field in buf
	label    string
	relative bool // to the end of the field
}

func (a *asm) emit(b ...byte) { a.buf = append(a.buf, b...) }

func (a *asm) label(name string) { a.labels[name] = a.at + uint32(len(a.buf)) }

// abs emits opcode bytes followed by a label's address.
func (a *asm) abs(label string, opcode ...byte) { a.field(label, false, opcode) }

// rel emits opcode bytes followed by the distance to a label.
func (a *asm) rel(label string, opcode ...byte) { a.field(label, true, opcode) }

func (a *asm) field(label string, relative bool, opcode []byte) {
	a.emit(opcode...)
	a.fixes = append(a.fixes, fix{len(a.buf), label, relative})
	a.emit(0, 0, 0, 0)
}

// imm emits opcode bytes followed by a 32-bit constant.
func (a *asm) imm(v uint32, opcode ...byte) {
	a.emit(opcode...)
	a.buf = binary.LittleEndian.AppendUint32(a.buf, v)
}

func (a *asm) finish() []byte {
	for _, f := range a.fixes {
		v, ok := a.labels[f.label]
		if !ok {
			panic(fmt.Sprintf("machinetest: label %q is not defined", f.label))
		}
		if f.relative {
			v -= a.at + uint32(f.off) + 4
		}
		binary.LittleEndian.PutUint32(a.buf[f.off:], v)
	}
	return a.buf
}

// Jumps and calls with a 32-bit distance.
func (a *asm) call(label string) { a.rel(label, 0xe8) }
func (a *asm) jmp(label string)  { a.rel(label, 0xe9) }
func (a *asm) je(label string)   { a.rel(label, 0x0f, 0x84) }
func (a *asm) jne(label string)  { a.rel(label, 0x0f, 0x85) }
func (a *asm) jb(label string)   { a.rel(label, 0x0f, 0x82) }
func (a *asm) ja(label string)   { a.rel(label, 0x0f, 0x87) }

// out writes a constant byte to one of the first 256 ports.
func (a *asm) out(port, v byte) { a.emit(0xb0, v, 0xe6, port) }

// store writes a constant to a device register in memory.
func (a *asm) store(addr, v uint32) {
	a.imm(addr, 0xc7, 0x05) // mov dword [addr], v
	a.imm(v)
}
