package main

import (
	"fmt"
	"strings"

	"motile/servers/cmd/operate"
)

type showCmd struct {
	Goroutines int    `help:"How many goroutines at most." default:"50" placeholder:"N"`
	What       string `arg:"" name:"what" help:"A checkpoint file, or the pid of a running process."`
}

// names of what an image has as registers, in their order.
var registerNames = [20]string{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "flags", "fs", "gs"}

// Some of them.
const (
	regBP = 6
	regSP = 7
	regIP = 16
	regFS = 18
)

// shown is all there is to be said of a process.
type shown struct {
	*operate.Dump
	Program       string      `json:"program"` // where symbols come from; empty: nowhere
	Missing       string      `json:"missing"` // why there are none, or not all
	Threads       []thread    `json:"threads"`
	Goroutines    []goroutine `json:"goroutines"`
	GoroutinesAll int         `json:"goroutines_all"`
	NoGoroutines  string      `json:"no_goroutines"` // why
}

// thread is one of the process, with what it is in.
type thread struct {
	operate.ThreadDump
	Registers map[string]uint64 `json:"registers"`
	Symbol    string            `json:"symbol"`
	Code      []instruction     `json:"code"`
	Stack     []frame           `json:"stack"`
}

// Instructions shown before and from the next one on.
const (
	before = 4
	after  = 5
)

// Run shows a process.
func (cmd *showCmd) Run(o *options) error {
	s, err := o.open(cmd.What)
	if err != nil {
		return err
	}
	defer s.close()
	return o.tell(s.show(cmd.Goroutines))
}

func (s *subject) show(goroutines int) *shown {
	p := s.findProgram()
	u := &shown{Dump: operate.NewDump(s.Descriptor), Program: p.path, Missing: p.why, Goroutines: []goroutine{}}
	for i, d := range u.Dump.Threads {
		regs := &s.Process.Threads[i].Regs
		t := thread{ThreadDump: d, Registers: make(map[string]uint64), Symbol: p.text(regs[regIP])}
		for k, name := range registerNames {
			t.Registers[name] = regs[k]
		}
		t.Code = s.disassemble(p, regs[regIP], before, after)
		t.Stack = s.stack(p, regs[regIP], regs[regSP], regs[regBP])
		u.Threads = append(u.Threads, t)
	}
	list, all, err := s.goroutines(p, goroutines)
	u.Goroutines, u.GoroutinesAll = append(u.Goroutines, list...), all
	if err != nil {
		u.NoGoroutines = err.Error()
	}
	return u
}

func (u *shown) String() string {
	var b strings.Builder
	b.WriteString(u.Identity())
	if u.Program != "" {
		fmt.Fprintf(&b, "  symbols from %s\n", u.Program)
	}
	if u.Missing != "" {
		fmt.Fprintf(&b, "  %s\n", u.Missing)
	}
	for i := range u.Threads {
		u.Threads[i].print(&b)
	}
	if u.NoGoroutines != "" {
		fmt.Fprintf(&b, "  goroutines: %s\n", u.NoGoroutines)
	}
	for _, g := range u.Goroutines {
		fmt.Fprintf(&b, "  goroutine %d, %s", g.ID, g.State)
		if g.Thread != 0 {
			fmt.Fprintf(&b, ", on thread %d", g.Thread)
		}
		b.WriteByte('\n')
		printStack(&b, g.Stack)
	}
	if more := u.GoroutinesAll - len(u.Goroutines); more > 0 {
		fmt.Fprintf(&b, "  and %d goroutines more (--goroutines)\n", more)
	}
	b.WriteString(u.Holdings())
	return b.String()
}

func (t *thread) print(b *strings.Builder) {
	b.WriteString(t.ThreadDump.String())
	for i, name := range registerNames {
		if i%4 == 0 {
			b.WriteString("   ")
		}
		fmt.Fprintf(b, " %5s %016x", name, t.Registers[name])
		if i%4 == 3 {
			b.WriteByte('\n')
		}
	}
	if len(t.Code) == 0 {
		b.WriteString("    the code is not there\n")
	}
	for _, c := range t.Code {
		mark := "  "
		if c.Here {
			mark = "=>"
		}
		fmt.Fprintf(b, "    %s %x: %-22s %s\n", mark, c.Addr, c.Code, c.Text)
	}
	printStack(b, t.Stack)
}

func printStack(b *strings.Builder, frames []frame) {
	for _, f := range frames {
		fmt.Fprintf(b, "      %#x", f.PC)
		if f.Name != "" {
			fmt.Fprintf(b, " in %s", f.Name)
		}
		b.WriteByte('\n')
	}
}
