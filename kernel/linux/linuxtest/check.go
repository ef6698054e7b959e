package linuxtest

import (
	"fmt"
	"reflect"

	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/hw"
	"motile/kernel/object"
	"motile/proc"
)

// What must hold between any two steps of the kernel. Some of it is not exported
// by the packages it belongs to; it is read by reflection, never written.

// Check compares the kernel's tables with one another. It fails the test at the
// first contradiction.
func (b *Bench) Check() {
	if b.Unchecked {
		return
	}
	b.Helper()
	if err := b.inspect(); err != nil {
		b.Fatalf("the kernel contradicts itself: %v", err)
	}
}

func (b *Bench) inspect() error {
	for _, check := range []func() error{b.inspectQueues, b.inspectTimers, b.inspectProcesses, b.inspectFiles, b.inspectMemory} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// field reads a field that may be unexported.
func field(x any, path ...string) reflect.Value {
	v := reflect.ValueOf(x)
	for _, name := range path {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v = v.FieldByName(name); !v.IsValid() {
			panic("no field " + name)
		}
	}
	return v
}

// inspectQueues: a thread is on the run queue, once, if it is ready and its
// process is not held; else it is on none.
func (b *Bench) inspectQueues() error {
	queued := make(map[uintptr]int)
	for _, q := range []string{"urgent", "normal"} {
		last := uintptr(0)
		for at := field(b.Tab, q, "first"); at.Pointer() != 0; at = at.Elem().FieldByName("next") {
			last = at.Pointer()
			if queued[last]++; queued[last] > 1 {
				return fmt.Errorf("a thread is twice on the run queue")
			}
		}
		if end := field(b.Tab, q, "last").Pointer(); last != 0 && end != last {
			return fmt.Errorf("the end of the %s run queue is not its last thread", q)
		}
	}
	for _, p := range b.Tab.Processes() {
		for _, t := range p.Threads {
			on := queued[reflect.ValueOf(t).Pointer()] == 1
			should := t.State() == proc.Ready && !p.Stopped() && !p.Frozen()
			if on != should || on != field(t, "queued").Bool() {
				return fmt.Errorf("thread %d in state %d: on the run queue %v, want %v", t.TID, t.State(), on, should)
			}
			delete(queued, reflect.ValueOf(t).Pointer())
		}
	}
	if len(queued) > 0 {
		return fmt.Errorf("%d threads on the run queue belong to no process", len(queued))
	}
	return nil
}

// inspectTimers: the heap is one, and every timer knows its place.
func (b *Bench) inspectTimers() error {
	heap := field(b.Tab, "timers", "heap")
	at := func(i int) int64 { return heap.Index(i).Elem().FieldByName("At").Int() }
	for i := range heap.Len() {
		if field := heap.Index(i).Elem().FieldByName("index"); field.Int() != int64(i+1) {
			return fmt.Errorf("timer %d believes to be %d", i, field.Int()-1)
		}
		if i > 0 && at(i) < at((i-1)/2) {
			return fmt.Errorf("timer %d is due before its parent in the heap", i)
		}
	}
	return nil
}

func (b *Bench) inspectProcesses() error {
	last := int32(0)
	for _, p := range b.Tab.Processes() {
		if p.PID <= last || p.Exiting() || len(p.Threads) == 0 || p.Space == nil {
			return fmt.Errorf("process %d after %d: exiting %v, %d threads, memory %v", p.PID, last, p.Exiting(), len(p.Threads), p.Space != nil)
		}
		last = p.PID
		if err := inspectPending(&p.Pending); err != nil {
			return fmt.Errorf("process %d: %w", p.PID, err)
		}
		for _, c := range p.Children {
			q := b.Tab.Process(c.PID)
			if c.State == proc.ChildExited == (q != nil) || q != nil && q.Parent != p.PID {
				return fmt.Errorf("process %d has child %d in state %d, which has parent %v", p.PID, c.PID, c.State, q)
			}
		}
		if q := b.Tab.Process(p.Parent); q != nil && q.Child(p.PID) == nil {
			return fmt.Errorf("process %d is not among the children of %d", p.PID, p.Parent)
		}
		sleeping := p.Pending.Set // signals that no thread awake will take
		wanted := uint64(0)
		for _, t := range p.Threads {
			if err := b.inspectThread(p, t); err != nil {
				return fmt.Errorf("thread %d: %w", t.TID, err)
			}
			if t.State() != proc.Waiting || t.Call.Masked || t.AwaitsPage() {
				sleeping &= t.Mask
			}
			wanted |= ^t.Mask
		}
		if sleeping &= wanted; sleeping != 0 {
			return fmt.Errorf("every thread of process %d that could take signals %#x sleeps", p.PID, sleeping)
		}
	}
	return nil
}

func inspectPending(p *proc.Pending) error {
	set := uint64(0)
	for _, in := range p.Queue {
		if in.Signo < 1 || in.Signo > abi.NSIG || in.Signo < 32 && set&(1<<(in.Signo-1)) != 0 && in.Timer == 0 {
			return fmt.Errorf("signal %d queued", in.Signo)
		}
		set |= 1 << (in.Signo - 1)
	}
	if set != p.Set {
		return fmt.Errorf("pending set %#x, queue %#x", p.Set, set)
	}
	return nil
}

func (b *Bench) inspectThread(p *proc.Process, t *proc.Thread) error {
	waiters, extra := field(t, "nwaiters").Int(), field(t, "extra").Len()
	timer, futex := field(t, "timer", "index").Int(), !field(t, "futex").IsZero()
	waiting := waiters > 0 || extra > 0 || timer > 0 || futex
	switch {
	case t.Process() != p || b.Tab.Thread(t.TID) != t:
		return fmt.Errorf("it is not where its id leads")
	case t.State() == proc.Dead:
		return fmt.Errorf("it is dead")
	case t.State() == proc.Ready && futex && t.Call.Active && waiters == 1 && extra == 0 && timer == 0:
		// It keeps its place while it looks why it was disturbed.
	case t.State() != proc.Waiting && waiting:
		return fmt.Errorf("state %d with %d+%d waiters, timer %d, futex %v", t.State(), waiters, extra, timer, futex)
	case t.State() != proc.Waiting && t.AwaitsPage():
		return fmt.Errorf("state %d, and it waits for a page", t.State())
	case t.State() == proc.Waiting && t.AwaitsPage(): // in user mode or in a call, whatever signals come
	case t.State() == proc.Waiting && !t.Call.Active:
		return fmt.Errorf("it waits for no call")
	case t.State() == proc.Waiting && t.Pending.Set&^t.Mask != 0 && !t.Call.Masked:
		return fmt.Errorf("it sleeps through signals %#x", t.Pending.Set&^t.Mask)
	case t.Mask&Set(abi.SIGKILL, abi.SIGSTOP) != 0:
		return fmt.Errorf("mask %#x", t.Mask)
	}
	f := t.Frame
	if f.Flags&^abi.FlagsUser != abi.FlagsAlways || f.IP > abi.UserTop || f.FSBase >= abi.UserTop || f.GSBase >= abi.UserTop ||
		le.Uint32(f.FX[abi.FXMXCSR:])&^abi.MXCSRMask != 0 {
		return fmt.Errorf("registers unfit for user mode: flags %#x, ip %#x", f.Flags, f.IP)
	}
	return inspectPending(&t.Pending)
}

// inspectFiles: a description has as many references as descriptors, terminals
// and logs refer to it, and queues hold only those who wait.
func (b *Bench) inspectFiles() error {
	refs := make(map[*object.File]int)
	for _, p := range b.Tab.Processes() {
		for fd := range p.FDs.Len() {
			if f := p.FDs.Held(int32(fd)); f != nil {
				refs[f]++
			}
		}
		for _, f := range []*object.File{p.TTY, p.Log} {
			if f != nil {
				refs[f]++
			}
		}
	}
	for f, n := range refs {
		if f.Refs() != n {
			return fmt.Errorf("%s has %d references, %d descriptors", f.Path, f.Refs(), n)
		}
		if q := f.Impl.Queue(); q != nil {
			for w := q.First(); w != nil; w = w.Next() {
				switch x := w.Owner.(type) {
				case *proc.Thread:
					if x.State() != proc.Waiting {
						return fmt.Errorf("thread %d, in state %d, waits for %s", x.TID, x.State(), f.Path)
					}
				case *object.Interest:
					if refs[x.File] == 0 {
						return fmt.Errorf("an epoll set watches a closed file")
					}
				}
			}
		}
	}
	return nil
}

// checkEmpty: with every process gone and every file removed, nothing is left.
func (b *Bench) checkEmpty() {
	b.Check()
	for name, n := range map[string]int{
		"threads": field(b.Tab, "threads").Len(),
		"timers":  field(b.Tab, "timers", "heap").Len(),
		"futexes": field(b.Tab, "futexes").Len(),
		"ends":    field(b.Tab, "ends").Len(),
	} {
		if n != 0 {
			b.Errorf("%d %s are left", n, name)
		}
	}
	if !b.Tab.Idle() {
		b.Error("threads are left on the run queue")
	}
	if !b.Console.Queue().Empty() {
		b.Error("somebody still waits for the console")
	}
	if free := hw.Stats().Free; free != b.frames {
		b.Errorf("%d page frames are lost", int64(b.frames-free))
	}
}

// clearFiles removes everything from the file tree but devices and /proc.
func (b *Bench) clearFiles() {
	b.clearDir("/")
}

func (b *Bench) clearDir(dir string) {
	for _, e := range b.list(dir) {
		if name := dir + e.Name; e.Type == object.ModeDir && name != "/proc" {
			b.clearDir(name + "/")
			b.K.FS.Rmdir(b.placeOf(name))
		} else if e.Type != object.ModeChar {
			b.K.FS.Unlink(b.placeOf(name))
		}
	}
}

func (b *Bench) list(dir string) (entries []fs.Entry) {
	impl, errno := b.K.FS.Open(b.placeOf(dir).Node, object.ODirectory)
	if errno != 0 {
		return nil
	}
	defer impl.Close(nil)
	impl.(*fs.Dir).List(2, func(e fs.Entry) bool { // after "." and ".."
		entries = append(entries, e)
		return true
	})
	return entries
}

func (b *Bench) placeOf(name string) fs.Place {
	pl, _ := b.K.FS.Lookup(b.K.FS.Root, name, false)
	return pl
}
