package main

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Goroutines, as the runtime of the program has them: runtime.allgs, read with the
// layout of runtime.g that the program's debugging information gives.

// goroutine is one of them.
type goroutine struct {
	ID     uint64  `json:"id"`
	State  string  `json:"state"`
	Thread int32   `json:"tid,omitempty"` // that it runs on
	Stack  []frame `json:"stack"`
}

// layout is offsets of fields of runtime.g.
type layout map[string]int64

// fields of runtime.g, as paths.
var gFields = []string{"goid", "atomicstatus", "waitreason", "sched.sp", "sched.pc", "sched.bp", "syscallsp", "syscallpc", "syscallbp"}

// gLayout finds them.
func gLayout(f *elf.File) (layout, error) {
	d, err := f.DWARF()
	if err != nil {
		return nil, err
	}
	r := d.Reader()
	for {
		e, err := r.Next()
		if e == nil || err != nil {
			return nil, fmt.Errorf("the program has no debugging information about runtime.g")
		}
		if e.Tag == dwarf.TagStructType {
			if name, _ := e.Val(dwarf.AttrName).(string); name == "runtime.g" {
				t, err := d.Type(e.Offset)
				if err != nil {
					return nil, err
				}
				l := make(layout)
				l.add("", 0, t)
				for _, name := range gFields {
					if _, ok := l[name]; !ok {
						return nil, fmt.Errorf("its runtime.g has no field %s", name)
					}
				}
				return l, nil
			}
		}
		if e.Tag != dwarf.TagCompileUnit {
			r.SkipChildren()
		}
	}
}

// add enters the fields of a struct, and of structs in it.
func (l layout) add(prefix string, base int64, t dwarf.Type) {
	for {
		if def, ok := t.(*dwarf.TypedefType); ok {
			t = def.Type
			continue
		}
		break
	}
	st, ok := t.(*dwarf.StructType)
	if !ok || len(prefix) > 32 {
		return
	}
	for _, f := range st.Field {
		l[prefix+f.Name] = base + f.ByteOffset
		l.add(prefix+f.Name+".", base+f.ByteOffset, f.Type)
	}
}

// States of a goroutine; scanning is a bit beside them.
var gStates = map[uint32]string{0: "idle", 1: "runnable", 2: "running", 3: "in a system call", 4: "waiting", 6: "dead", 8: "copying its stack", 9: "preempted"}

const (
	scanning   = 0x1000
	gRunning   = 2
	gSyscall   = 3
	gDead      = 6
	gWaiting   = 4
	mostG      = 1 << 17 // more than that is no table of goroutines
	longString = 100
)

// goroutines lists at most some of those that are not dead; all is how many there are.
func (s *subject) goroutines(p *program, most int) (list []goroutine, all int, err error) {
	table, ok := p.variable("runtime.allgs")
	if !ok {
		return nil, 0, fmt.Errorf("no symbol runtime.allgs: it is no Go program, or stripped")
	}
	l, err := gLayout(p.f)
	if err != nil {
		return nil, 0, err
	}
	first, ok1 := s.word(table)
	n, ok2 := s.word(table + 8)
	if !ok1 || !ok2 || n > mostG {
		return nil, 0, fmt.Errorf("runtime.allgs cannot be read, or has %d elements", n)
	}
	on := s.currentG()
	for i := range n {
		g, ok := s.word(first + 8*i)
		if !ok {
			return list, all, fmt.Errorf("goroutine %d of runtime.allgs cannot be read", i)
		}
		at := func(name string) uint64 {
			v, _ := s.word(g + uint64(l[name]))
			return v
		}
		state := uint32(at("atomicstatus")) &^ scanning
		if state == gDead {
			continue
		}
		if all++; all > most {
			continue
		}
		r := goroutine{ID: at("goid"), State: gStates[state], Stack: []frame{}}
		if r.State == "" {
			r.State = fmt.Sprintf("in state %d", state)
		}
		if why := s.waitReason(p, byte(at("waitreason"))); state == gWaiting && why != "" {
			r.State += ": " + why
		}
		switch {
		case on[g] != 0:
			r.Thread = s.Process.Threads[on[g]-1].TID
			regs := &s.Process.Threads[on[g]-1].Regs
			r.Stack = s.stack(p, regs[regIP], regs[regSP], regs[regBP])
		case state == gSyscall:
			r.Stack = s.stack(p, at("syscallpc"), at("syscallsp"), at("syscallbp"))
		case state != gRunning: // whose registers are nowhere but on a thread
			r.Stack = s.stack(p, at("sched.pc"), at("sched.sp"), at("sched.bp"))
		}
		list = append(list, r)
	}
	return list, all, nil
}

// currentG is on which thread, counted from 1, each goroutine runs: the runtime keeps it
// in the word below what FS points to.
func (s *subject) currentG() map[uint64]int {
	on := make(map[uint64]int)
	for i := range s.Process.Threads {
		if g, ok := s.word(s.Process.Threads[i].Regs[regFS] - 8); ok && g != 0 {
			on[g] = i + 1
		}
	}
	return on
}

// waitReason is what a goroutine waits for, in the runtime's words.
func (s *subject) waitReason(p *program, reason byte) string {
	table, ok := p.variable("runtime.waitReasonStrings")
	if !ok {
		return ""
	}
	var head [16]byte
	if _, err := s.read(head[:], table+16*uint64(reason)); err != nil {
		return ""
	}
	text := make([]byte, min(binary.LittleEndian.Uint64(head[8:]), longString))
	if _, err := s.read(text, binary.LittleEndian.Uint64(head[:])); err != nil {
		return ""
	}
	return string(text)
}
