package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc/api/client"
)

// Dump is a process descriptor in words.
type Dump struct {
	PID        int32    `json:"pid"`
	Parent     int32    `json:"ppid"`
	PGID       int32    `json:"pgid"`
	SID        int32    `json:"sid"`
	Node       int      `json:"node"`
	Command    string   `json:"command"`
	Exe        string   `json:"exe"`
	Cwd        string   `json:"cwd"`
	Lineage    string   `json:"lineage"`
	Generation uint64   `json:"generation"`
	Taken      int64    `json:"taken"` // ns since 1970
	Kernel     string   `json:"kernel"`
	Moves      int      `json:"moves"`
	Signals    []string `json:"signals"`  // pending
	Children   []string `json:"children"` // what is known of them

	Threads  []ThreadDump  `json:"threads"`
	Segments []SegmentDump `json:"segments"`
	FDs      []FDDump      `json:"fds"`
}

// ThreadDump is a thread and what it is in.
type ThreadDump struct {
	TID     int32    `json:"tid"`
	Name    string   `json:"name"`
	IP      uint64   `json:"ip"`
	SP      uint64   `json:"sp"`
	Call    string   `json:"call"`    // in words; empty: it runs
	Below   []string `json:"below"`   // calls below signal handlers
	Signals []string `json:"signals"` // pending
}

// SegmentDump is a region of memory, and how much of it is there.
type SegmentDump struct {
	Start   uint64 `json:"start"`
	End     uint64 `json:"end"`
	Prot    string `json:"prot"`
	Of      string `json:"of"`      // file, memory, stack
	Present int64  `json:"present"` // bytes of its own
}

// FDDump is a descriptor.
type FDDump struct {
	FD   int32  `json:"fd"`
	What string `json:"what"`
}

// Pdump prints the descriptor of a process. stun: it is stopped first, and stays so.
func (e *Env) Pdump(ctx context.Context, p *client.Process, stun bool) error {
	if stun {
		if err := p.Stun(ctx, 0, true); err != nil {
			return err
		}
	}
	s, err := p.Snapshot(ctx, true)
	if err != nil {
		return err
	}
	s.Drop(ctx)
	return e.tell(NewDump(s.Descriptor))
}

// NewDump describes a descriptor.
func NewDump(d *image.Descriptor) *Dump {
	p := d.Process
	u := &Dump{PID: p.PID, Parent: p.Parent, PGID: p.PGID, SID: p.SID, Command: strings.Join(p.Args, " "), Exe: p.Exe, Cwd: p.Cwd,
		Moves: p.Moves, Signals: signals(p.Pending), Children: children(p.Children)}
	if l := d.Lineage; l != nil {
		u.Node, u.Lineage, u.Generation, u.Taken, u.Kernel = l.Node, fmt.Sprintf("%x", l.ID), l.Generation, l.Taken, l.Kernel
	}
	for _, r := range p.Regions {
		u.Segments = append(u.Segments, dumpRegion(d, r))
	}
	for _, fd := range p.FDs {
		u.FDs = append(u.FDs, FDDump{fd.FD, describeFile(&p.Files[fd.File], d.Objects)})
	}
	for i := range p.Threads {
		u.Threads = append(u.Threads, dumpThread(&p.Threads[i], u.FDs))
	}
	return u
}

func dumpThread(t *image.Thread, fds []FDDump) ThreadDump {
	const sp, ip = 7, 16
	u := ThreadDump{TID: t.TID, Name: t.Name, IP: t.Regs[ip], SP: t.Regs[sp], Signals: signals(t.Pending)}
	if t.Call != nil {
		u.Call = callText(t.Call, fds)
	}
	for i := range t.Below {
		u.Below = append(u.Below, callText(&t.Below[i].Call, fds))
	}
	return u
}

func signals(list []image.Signal) []string {
	words := []string{}
	for _, s := range list {
		words = append(words, client.SignalName(int(s.Signo)))
	}
	return words
}

// maskNames are the signals of a mask.
func maskNames(mask uint64) (words []string) {
	for signo := 1; signo <= abi.NSIG; signo++ {
		if mask>>(signo-1)&1 != 0 {
			words = append(words, client.SignalName(signo))
		}
	}
	return words
}

func children(list []image.Child) []string {
	words := []string{}
	for _, c := range list {
		text := [...]string{"runs", "is stopped", "was continued", "has ended"}[c.State]
		if c.State == 3 {
			text += ": " + client.Ending(c.Status)
		}
		words = append(words, fmt.Sprintf("%d %s", c.PID, text))
	}
	return words
}

func dumpRegion(d *image.Descriptor, r image.Region) SegmentDump {
	u := SegmentDump{Start: r.Start, End: r.End, Prot: protText(r)}
	switch {
	case r.Stack:
		u.Of = "stack"
	case r.Store < 0:
		u.Of = "memory"
	case len(d.Process.Stores[r.Store].Digest) > 0:
		u.Of = d.Process.Stores[r.Store].Path
		if u.Of == "" {
			u.Of = fmt.Sprintf("file %x…", d.Process.Stores[r.Store].Digest[:6])
		}
	default:
		u.Of = fmt.Sprintf("shared memory %d", r.Store)
	}
	for i := range d.Segments {
		u.Present += present(&d.Segments[i], &r)
	}
	return u
}

// present is how many bytes of a segment are in a region.
func present(g *image.Segment, r *image.Region) (n int64) {
	start, end := r.Start, r.End
	if g.Store >= 0 {
		start, end = uint64(r.Off), uint64(r.Off)+r.End-r.Start
	}
	if g.Store >= 0 && g.Store != r.Store {
		return 0
	}
	for i := 0; i < len(g.Runs); i += 2 {
		a := g.Start + g.Runs[i]*abi.PageSize
		b := a + g.Runs[i+1]*abi.PageSize
		if a, b = max(a, start), min(b, end); a < b {
			n += int64(b - a)
		}
	}
	return n
}

func protText(r image.Region) string {
	text := []byte("---p")
	for i, c := range "rwx" {
		if r.Prot&(1<<i) != 0 {
			text[i] = byte(c)
		}
	}
	if r.Shared {
		text[3] = 's'
	}
	return string(text)
}

// describeFile says what a descriptor is open on.
func describeFile(f *image.File, objects []image.Object) string {
	var o image.Object
	if f.Object >= 0 && int(f.Object) < len(objects) {
		o = objects[f.Object]
	}
	switch f.Kind {
	case image.KindDevice:
		return f.Path
	case image.KindRegular:
		return fmt.Sprintf("%s, at %d", f.Path, f.Offset)
	case image.KindDir:
		return f.Path + ", a directory"
	case image.KindRemote:
		text := fmt.Sprintf("%s, an object on node %d", f.Path, f.Home)
		if f.Home == 0 {
			text = f.Path + ", an object elsewhere"
		}
		if f.Terminal {
			text += ", a terminal"
		}
		return text
	case image.KindPipeR:
		return fmt.Sprintf("read end of a pipe with %d bytes in it", len(o.Pipe))
	case image.KindPipeW:
		return fmt.Sprintf("write end of a pipe with %d bytes in it", len(o.Pipe))
	case image.KindPTYMaster:
		return "master of a pseudo-terminal"
	case image.KindPTYSlave:
		return f.Path + ", slave of a pseudo-terminal"
	case image.KindEventfd:
		return fmt.Sprintf("eventfd, at %d", o.Count)
	case image.KindEpoll:
		return fmt.Sprintf("epoll set of %d", len(o.Watches))
	case image.KindTimerfd:
		return "timerfd"
	case image.KindSignalfd:
		return fmt.Sprintf("signalfd for %s", strings.Join(maskNames(o.Mask), " "))
	case image.KindPidfd:
		return fmt.Sprintf("pidfd of process %d", o.PID)
	case image.KindMemory:
		return fmt.Sprintf("memory as a file (%s), at %d", f.Path, f.Offset)
	case image.KindLog:
		return fmt.Sprintf("log of %s", Size(o.LogBase+int64(len(o.Log))))
	}
	if f.Path != "" {
		return f.Path
	}
	return fmt.Sprintf("file of kind %d", f.Kind)
}

func (u *Dump) String() string {
	var b strings.Builder
	b.WriteString(u.Identity())
	for i := range u.Threads {
		b.WriteString(u.Threads[i].String())
	}
	b.WriteString(u.Holdings())
	return b.String()
}

// Identity says in lines who the process is.
func (u *Dump) Identity() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("process %d: %s", u.PID, u.Command)
	line("  parent %d, group %d, session %d; on node %d, moved %d times", u.Parent, u.PGID, u.SID, u.Node, u.Moves)
	line("  program %s, in %s", u.Exe, u.Cwd)
	if u.Lineage != "" {
		line("  lineage %s, checkpoint %d, of %s by %s", u.Lineage, u.Generation, time.Unix(0, u.Taken).UTC().Format(time.DateTime), u.Kernel)
	}
	if len(u.Signals) > 0 {
		line("  pending: %s", strings.Join(u.Signals, " "))
	}
	if len(u.Children) > 0 {
		line("  children: %s", strings.Join(u.Children, "; "))
	}
	return b.String()
}

// String says in lines what the thread is in.
func (t *ThreadDump) String() string {
	var b strings.Builder
	text := t.Call
	if text == "" {
		text = "runs"
	}
	fmt.Fprintf(&b, "  thread %d %s at %#x, stack %#x: %s\n", t.TID, t.Name, t.IP, t.SP, text)
	for _, c := range t.Below {
		fmt.Fprintf(&b, "    below a signal handler: %s\n", c)
	}
	if len(t.Signals) > 0 {
		fmt.Fprintf(&b, "    pending: %s\n", strings.Join(t.Signals, " "))
	}
	return b.String()
}

// Holdings says in lines what memory and descriptors the process has.
func (u *Dump) Holdings() string {
	var b strings.Builder
	for _, s := range u.Segments {
		fmt.Fprintf(&b, "  segment %#x-%#x %s %s: %s, %s of its own\n", s.Start, s.End, s.Prot, s.Of, Size(int64(s.End-s.Start)), Size(s.Present))
	}
	for _, f := range u.FDs {
		fmt.Fprintf(&b, "  fd %d: %s\n", f.FD, f.What)
	}
	return b.String()
}
