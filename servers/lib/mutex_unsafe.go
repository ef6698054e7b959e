package lib

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"motile/ipc/std"
	"motile/kernel/abi"
)

// Mutex is Amoeba's: a word that threads of one process share, or processes in shared
// memory. The zero Mutex is free. Threads get it in the order they came; one that waits
// can be moved to another node. It has nothing to do with goroutines: who has locked it
// may be any of them.
type Mutex struct{ word atomic.Uint32 }

// Forever is a time for TryLock.
const Forever = time.Duration(1<<63 - 1)

// TryLock locks m if that is possible within d; 0: now or not at all.
func (m *Mutex) TryLock(d time.Duration) bool {
	if m.word.CompareAndSwap(0, 1) {
		return true
	}
	if d <= 0 {
		return false
	}
	ms := ^uintptr(0)
	if d != Forever {
		ms = uintptr(min((d+time.Millisecond-1)/time.Millisecond, 1<<32-1))
	}
	r, _, e := syscall.Syscall(abi.SysMuTrylock, uintptr(unsafe.Pointer(&m.word)), ms, 0)
	switch _, err := result(r, e); err {
	case nil:
		return true
	case std.NotNow:
		return false
	default:
		panic("lib: mu_trylock: " + err.Error())
	}
}

// Lock locks m.
func (m *Mutex) Lock() { m.TryLock(Forever) }

// Unlock gives m to who has waited longest, or makes it free. It panics if m is free.
func (m *Mutex) Unlock() {
	if m.word.CompareAndSwap(1, 0) {
		return
	}
	r, _, e := syscall.Syscall(abi.SysMuUnlock, uintptr(unsafe.Pointer(&m.word)), 0, 0)
	if _, err := result(r, e); err != nil {
		panic("lib: mu_unlock: " + err.Error())
	}
}
