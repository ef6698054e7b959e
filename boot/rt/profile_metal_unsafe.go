//go:build metal

package rt

import (
	"sync/atomic"
	"unsafe"

	"motile/kernel/abi"
	"motile/kernel/hw"
)

// A sampling profiler: the timer interrupts every so often, in virtual time as the LAPIC
// counts it, and what it finds is written into a table of fixed size. While it is off a
// timer's interrupt compares one more number with zero, and so does arming the timer.
//
// What interrupts nothing is not seen: traps and system calls of the kernel's own runtime
// run with interrupts off, and their time is the next instruction's.

// SampleDepth is how many addresses of a stack are kept, the innermost ones.
const SampleDepth = 40

// Sample is where the CPU was found once. Label 0: in the kernel; else the label that
// RunUser had, and one address.
type Sample struct {
	Label uint64
	N     uint64 // of Addresses that are used
	PC    [SampleDepth]uint64
}

const sampleSlots = 512

// The interrupt writes samples, and drops them when the table is full; the dispatcher reads
// them. There is one CPU, so the order of stores is all that matters.
var (
	samplePeriod int64 // ns
	sampleNext   int64 // when one is due; 0: off
	samples      [sampleSlots]Sample
	sampled      atomic.Uint64 // written, ever
	fetched      atomic.Uint64 // read, ever
	idleSamples  uint64
	lostSamples  uint64
	userLabel    uint64
)

// StartSampling takes a sample every period nanoseconds; 0 ends it.
func StartSampling(period int64) {
	samplePeriod, sampleNext = period, 0
	if period != 0 {
		sampleNext = hw.Now() + period
		arm()
	}
}

// Samples calls f for each sample since it was called before, and reports how many found
// the CPU idle, and for how many there was no room.
func Samples(f func(*Sample)) (idle, lost uint64) {
	for i := fetched.Load(); i < sampled.Load(); i++ {
		f(&samples[i%sampleSlots])
		fetched.Store(i + 1)
	}
	idle, lost = idleSamples, lostSamples
	idleSamples, lostSamples = 0, 0
	return idle, lost
}

// SetLabel says whose program RunUser runs from now on.
func SetLabel(label uint64) { userLabel = label }

// sampleDue reports whether a sample is to be taken, and where; nil: there is no room.
//
//go:nosplit
func sampleDue() (s *Sample, due bool) {
	now := hw.Now()
	if now < sampleNext {
		return nil, false
	}
	if sampleNext += samplePeriod; sampleNext <= now {
		sampleNext = now + samplePeriod // the host was busy: what was missed is missed
	}
	n := sampled.Load()
	if n-fetched.Load() == sampleSlots {
		lostSamples++
		return nil, true
	}
	return &samples[n%sampleSlots], true
}

//go:nosplit
func sampleUser() {
	if s, _ := sampleDue(); s != nil {
		s.Label, s.N = userLabel, 1
		s.PC[0] = (*abi.Frame)(pointer(userFrame)).IP
		sampled.Add(1)
	}
}

//go:nosplit
func sampleKernel(f *abi.Frame) {
	s, due := sampleDue()
	switch {
	case !due:
	case halted || current == address(&threads[idleThread]):
		idleSamples++
	case s != nil:
		s.Label = 0
		s.walk(f)
		sampled.Add(1)
	}
}

// walk follows the frame pointers, which Go's functions keep on amd64: at the frame
// pointer lies the caller's, and above that the address to return to. A function that has
// no frame, or is just making it, hides its caller. The stack's bounds are those of the
// goroutine; and nothing is read that is not mapped, for assembly may have used the frame
// pointer for something else, and a fault would nest.
//
//go:nosplit
func (s *Sample) walk(f *abi.Frame) {
	s.PC[0], s.N = f.IP, 1
	// The linker's TLS slot holds g, which begins with its stack's bounds (runtime/runtime2.go).
	g, ok := peek(f.FSBase - 8)
	if !ok {
		return
	}
	lo, _ := peek(g)
	hi, ok := peek(g + 8)
	if !ok || f.SP < lo || f.SP >= hi {
		return // between two stacks
	}
	for at, bp := f.SP, f.BP; bp >= at && bp < hi-8 && s.N < SampleDepth; {
		ret, ok := peek(bp + 8)
		if !ok || ret == 0 {
			return
		}
		s.PC[s.N] = ret
		s.N++
		at = bp + 16
		bp, _ = peek(bp)
	}
}

// peek reads a word of the heap or the image, where all stacks lie, if it is mapped.
//
// Safety: the address is aligned, and its page is there; nothing is unmapped in between.
//
//go:nosplit
func peek(at uint64) (v uint64, ok bool) {
	mapped := at >= hw.ImageBase+imageOffset && at < uint64(imageEnd()) ||
		at >= hw.HeapBase && at < hw.HeapTop && hw.HeapMapped(uintptr(at))
	if at&7 != 0 || !mapped {
		return 0, false
	}
	return *(*uint64)(unsafe.Pointer(pointer(at))), true
}

// imageOffset is where the kernel proper begins, behind the boot segment (boot/pvh).
const imageOffset = 0x200000
