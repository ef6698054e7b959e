package proc

import (
	"slices"

	"motile/kernel/vm"
	"motile/kernel/wait"
)

// futexKey names a futex word: an address in a space, or an offset in memory
// that several processes share.
type futexKey struct {
	space *vm.Space
	store *vm.Store
	addr  uint64
}

// futexQueue holds the waiters of one word, longest waiting first.
type futexQueue struct{ q wait.Queue }

func (tb *Table) futexKey(p *Process, addr uint64) futexKey {
	if r, ok := p.Space.Region(addr); ok && r.Shared && r.Store != nil {
		return futexKey{store: r.Store, addr: addr - r.Start + uint64(r.Off)}
	}
	return futexKey{space: p.Space, addr: addr}
}

// FutexWait makes t wait at addr for a wake-up whose bits meet bitset.
// Aux[0] of its call is the address, Aux[1] the bitset, Aux[2] its place in the
// order of waiting, so that the record is complete: a moved thread queues again,
// in its place, without looking at the word.
func (tb *Table) FutexWait(t *Thread, addr uint64, bitset uint32) {
	t.Call.Aux[0], t.Call.Aux[1] = addr, uint64(bitset)
	if t.Call.Aux[2] == 0 {
		tb.futexSeq++
		t.Call.Aux[2] = tb.futexSeq
	}
	k := tb.futexKey(t.proc, addr)
	if t.nwaiters != 0 && t.futex == k {
		return // it has kept its place
	}
	fq := tb.futexes[k]
	if fq == nil {
		fq = new(futexQueue)
		tb.futexes[k] = fq
	}
	t.futex = k
	t.WaitTagged(&fq.q, uint64(bitset))
}

// Phase of a futex wait.
const (
	FutexStart  = iota // the word was not looked at yet
	FutexQueued        // waiting
	FutexWoken         // done
)

// FutexWake wakes up to n waiters at addr and returns how many.
func (tb *Table) FutexWake(p *Process, addr uint64, n int, bitset uint32) int {
	k := tb.futexKey(p, addr)
	fq := tb.futexes[k]
	if fq == nil {
		return 0
	}
	woken := 0
	for w := fq.q.First(); w != nil && woken < n; {
		next := w.Next()
		if t := w.Owner.(*Thread); uint32(w.Tag)&bitset != 0 {
			t.Call.Phase = FutexWoken
			t.leaveQueues()
			tb.wake(t)
			woken++
		}
		w = next
	}
	tb.futexDrop(k, fq)
	return woken
}

// FutexRequeue moves up to n waiters from one word to another.
func (tb *Table) FutexRequeue(p *Process, from, to uint64, n int) int {
	k := tb.futexKey(p, from)
	fq := tb.futexes[k]
	if fq == nil {
		return 0
	}
	moved, same := 0, k == tb.futexKey(p, to)
	for w := fq.q.First(); w != nil && moved < n; {
		next := w.Next()
		if same { // it is where it shall be
			moved++
			w = next
			continue
		}
		t := w.Owner.(*Thread)
		bitset := uint32(w.Tag)
		t.leaveQueues()
		t.Call.Aux[2] = 0 // behind those that wait there already
		tb.FutexWait(t, to, bitset)
		if t.Call.Deadline != 0 && t.state == Waiting { // who is disturbed looks at the time itself
			tb.timers.start(&t.timer, t.Call.Deadline)
		}
		moved++
		w = next
	}
	tb.futexDrop(k, fq)
	return moved
}

func (tb *Table) futexDrop(k futexKey, fq *futexQueue) {
	if fq.q.Empty() {
		delete(tb.futexes, k)
	}
}

// futexLeave tidies up after t left a futex queue by time-out or signal.
func (tb *Table) futexLeave(t *Thread) {
	if t.futex == (futexKey{}) {
		return
	}
	if fq := tb.futexes[t.futex]; fq != nil {
		tb.futexDrop(t.futex, fq)
	}
	t.futex = futexKey{}
}

// Robust futexes (set_robust_list(2)): locks a thread holds when it ends are
// marked, and one waiter is told.

const (
	futexWaiters   = 0x80000000
	futexOwnerDied = 0x40000000
	futexTID       = 0x3fffffff
	robustMax      = 2048
)

func (tb *Table) robustExit(t *Thread) {
	if t.RobustList == 0 || t.proc.Space == nil {
		return
	}
	t.eachRobust(func(addr uint64, pending bool) {
		if pending {
			tb.pendingDied(t, addr)
		} else {
			tb.ownerDied(t, addr)
		}
	})
	t.RobustList = 0
}

// eachRobust calls f for the locks in t's list, and for the one it was about to take or to
// give back. It ends where the list cannot be read.
func (t *Thread) eachRobust(f func(addr uint64, pending bool)) {
	s, head := t.proc.Space, t.RobustList
	next, ok1 := load64(s, head)
	off, ok2 := load64(s, head+8)
	pending, ok3 := load64(s, head+16)
	if !ok1 || !ok2 || !ok3 {
		return
	}
	for i := 0; next != head && next != 0 && i < robustMax; i++ {
		entry := next
		if next, ok1 = load64(s, entry&^1); entry != pending {
			f(entry&^1+off, false)
		}
		if !ok1 {
			return
		}
	}
	if pending != 0 {
		f(pending&^1+off, true)
	}
}

// LocksHere reports whether what robustExit has to read is here, for threads of p that are
// about to end or to leave its memory. If not, a page is wanted: whoever waits for their
// locks must hear of it, so the call waits. That goes for threads that end themselves. If
// the whole process ends and nobody shares memory with it, nobody waits. A process that is
// killed does not wait for memory either; locks in lists that are away stay locked then.
func (p *Process) LocksHere(ending ...*Thread) bool {
	if p.Space.Away() == 0 || len(ending) == len(p.Threads) && !p.shares() {
		return true
	}
	for _, t := range ending {
		if t.RobustList != 0 {
			t.eachRobust(func(addr uint64, _ bool) { p.Space.Load32(addr) })
		}
	}
	_, wanted := p.Space.Wanted()
	return !wanted
}

// shares reports whether p has memory that another process may have too.
func (p *Process) shares() bool {
	return p.Space.Shared() || slices.ContainsFunc(p.Space.Regions(), func(r vm.Region) bool { return r.Shared })
}

// pendingDied is ownerDied for the lock that t was about to take or to give back. If that
// is free, t may have been woken for it, or owes somebody a wake-up.
func (tb *Table) pendingDied(t *Thread, addr uint64) {
	if v, f := t.proc.Space.Load32(addr); f == vm.OK && addr%4 == 0 && v&futexTID == 0 {
		tb.FutexWake(t.proc, addr, 1, ^uint32(0))
		return
	}
	tb.ownerDied(t, addr)
}

func (tb *Table) ownerDied(t *Thread, addr uint64) {
	s := t.proc.Space
	v, f := s.Load32(addr)
	if f != vm.OK || addr%4 != 0 || !t.Was(int32(v&futexTID)) {
		return
	}
	s.Store32(addr, v&futexWaiters|futexOwnerDied)
	if v&futexWaiters != 0 {
		tb.FutexWake(t.proc, addr, 1, ^uint32(0))
	}
}

func load64(s *vm.Space, addr uint64) (uint64, bool) {
	var b [8]byte
	_, f := s.CopyIn(b[:], addr)
	v := uint64(0)
	for i := range b {
		v |= uint64(b[i]) << (8 * i)
	}
	return v, f == vm.OK
}
