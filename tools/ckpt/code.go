package main

import (
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// instruction is one, disassembled.
type instruction struct {
	Addr uint64 `json:"addr"`
	Code string `json:"code"` // bytes
	Text string `json:"text"`
	Here bool   `json:"here,omitempty"` // it is the next one
}

const longest = 15 // bytes of an instruction

// decode is an instruction and its length. What the decoder does not know, such as
// ENDBR64, for which it returns no error, is passed bytewise.
func decode(code []byte) (inst x86asm.Inst, size int, ok bool) {
	inst, err := x86asm.Decode(code, 64)
	if err != nil || inst.Op == 0 || inst.Len == 0 {
		return inst, 1, false
	}
	return inst, inst.Len, true
}

// disassemble is some instructions before an address and some from it on.
func (s *subject) disassemble(p *program, pc uint64, before, after int) (list []instruction) {
	start := s.startBefore(p, pc)
	code := make([]byte, int(pc-start)+after*longest)
	n, _ := s.read(code, start)
	code = code[:n]
	here := 0 // index of the one at pc
	for addr := start; len(code) > 0 && len(list)-here < after; {
		inst, size, ok := decode(code)
		text := "?"
		if ok {
			text = x86asm.GNUSyntax(inst, addr, func(a uint64) (string, uint64) {
				if y, ok := p.at(a); ok && y.Entry == a {
					return y.Name, a
				}
				return "", 0
			})
		}
		if addr <= pc {
			here = len(list)
		}
		list = append(list, instruction{addr, fmt.Sprintf("%x", code[:size]), text, addr == pc})
		code, addr = code[size:], addr+uint64(size)
	}
	return list[max(here-before, 0):]
}

// window is how far back a beginning is looked for.
const window = 64

// startBefore is an address from which instructions lead to pc: the function's entry, or
// one from where they happen to.
func (s *subject) startBefore(p *program, pc uint64) uint64 {
	if y, ok := p.at(pc); ok && pc-y.Entry < 16<<10 {
		if s.leadsTo(y.Entry, pc) {
			return y.Entry
		}
	}
	for start := pc - min(pc, window); start < pc; start++ {
		if s.leadsTo(start, pc) {
			return start
		}
	}
	return pc
}

// leadsTo reports whether instructions from start on are whole, and one begins at pc.
func (s *subject) leadsTo(start, pc uint64) bool {
	code := make([]byte, pc-start+longest)
	n, _ := s.read(code, start)
	code = code[:n]
	for start < pc && len(code) > 0 {
		inst, size, ok := decode(code)
		if !ok && inst.Len == 0 { // no instruction; of ENDBR64 there is a length
			return false
		}
		code, start = code[size:], start+uint64(size)
	}
	return start == pc
}

// frameAt is what the instructions from a function's entry to pc have done to the stack:
// whether they have set up a frame pointer, and if not, how many bytes lie between the
// stack pointer and the return address.
func (s *subject) frameAt(entry, pc uint64) (framed bool, below uint64) {
	code := make([]byte, pc-entry+longest)
	n, _ := s.read(code, entry)
	code = code[:n]
	for addr := entry; addr < pc && len(code) > 0; {
		inst, size, ok := decode(code)
		if ok {
			to, _ := inst.Args[0].(x86asm.Reg)
			imm, _ := inst.Args[1].(x86asm.Imm)
			switch {
			case inst.Op == x86asm.PUSH:
				below += 8
			case inst.Op == x86asm.POP && below >= 8:
				below -= 8
			case inst.Op == x86asm.SUB && to == x86asm.RSP:
				below += uint64(imm)
			case inst.Op == x86asm.ADD && to == x86asm.RSP && uint64(imm) <= below:
				below -= uint64(imm)
			case (inst.Op == x86asm.MOV || inst.Op == x86asm.LEA) && to == x86asm.RBP:
				return true, 0
			}
		}
		code, addr = code[size:], addr+uint64(size)
	}
	return false, below
}
