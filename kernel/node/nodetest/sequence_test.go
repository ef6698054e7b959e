package nodetest

import (
	"encoding/binary"
	"fmt"

	"motile/kernel/abi"
)

// A sequence is a program that does one thing after the other and then says pass, or which
// step went wrong. A thread that it starts goes on at a label of its own.

// step makes a system call, or looks at the result of the last one; then why is what is
// wrong with it.
type step func(u *User, next uint64) (why string)

func sequence(steps ...step) int {
	end := uint64(len(steps))
	return Register(func(u *User) {
		if u.Signal != 0 {
			u.Put(signalAt, []byte{u.Get(signalAt, 1)[0] + 1})
			u.Return()
			return
		}
		at := u.PC()
		switch {
		case at < end:
			if why := steps[at](u, at+1); why != "" {
				u.Print(pauses, 1, fmt.Sprintf("step %d: %s\n", at, why))
			} else if u.PC() == at {
				u.Goto(at + 1)
			}
		case at < pauses:
			u.Print(pauses, 1, "pass\n")
		default:
			u.Call(pauses, abi.SysPause)
		}
	})
}

// Labels behind all steps.
const (
	passes = 1 << 20 // it says pass
	pauses = 1 << 30 // it waits for ever
)

// jump goes to a label, or to a step by its number.
func jump(to uint64) step { return func(u *User, _ uint64) string { u.Goto(to); return "" } }

// signalAt counts the signals that a sequence's handler had.
const signalAt = 1024

// call is a system call.
func call(nr uint64, args ...uint64) step {
	return func(u *User, next uint64) string {
		u.Call(next, nr, args...)
		return ""
	}
}

// onFD is a system call whose first argument is a descriptor that pipe2 has put at fdsAt.
func onFD(i int, nr uint64, args ...uint64) step {
	return func(u *User, next uint64) string {
		u.Call(next, nr, append([]uint64{u.FD(i)}, args...)...)
		return ""
	}
}

// want is what the last call must have returned.
func want(v int64) step {
	return func(u *User, _ uint64) string {
		if u.Ret != v {
			return fmt.Sprintf("%d, want %d", u.Ret, v)
		}
		return ""
	}
}

// keepFD stores the last result as descriptor i.
func keepFD(i int) step {
	return func(u *User, _ uint64) string {
		if u.Ret < 0 {
			return fmt.Sprint(u.Ret)
		}
		u.Put(fdsAt+4*i, binary.LittleEndian.AppendUint32(nil, uint32(u.Ret)))
		return ""
	}
}

// has is what must be in memory.
func has(off int, text string) step {
	return func(u *User, _ uint64) string {
		if got := string(u.Get(off, len(text))); got != text {
			return fmt.Sprintf("%q, want %q", got, text)
		}
		return ""
	}
}

// put writes memory.
func put(off int, b ...byte) step {
	return func(u *User, _ uint64) string { u.Put(off, b); return "" }
}

// sleep is nanosleep.
func sleep(ns int64) step {
	return func(u *User, next uint64) string {
		u.Call(next, abi.SysNanosleep, u.Put(512, timespec(ns)), 0)
		return ""
	}
}

// handle has the sequence count a signal.
func handle(signo int, flags uint64) step {
	return func(u *User, next uint64) string { u.Handle(next, signo, flags); return "" }
}

// thread starts a thread, which goes on at a label.
func thread(label uint64) []step {
	const flags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 // VM FS FILES SIGHAND THREAD
	return []step{call(abi.SysClone, flags, DataBase+DataSize/2), func(u *User, _ uint64) string {
		switch {
		case u.Ret < 0:
			return fmt.Sprint(u.Ret)
		case u.Ret == 0:
			u.Goto(label)
		}
		return ""
	}}
}

// now checks that the process's own clock says so many ns since mark.
func mark() step {
	return func(u *User, _ uint64) string { u.SetB(uint64(u.Mono())); return "" }
}

func elapsed(ns int64) step {
	return func(u *User, _ uint64) string {
		if d := u.Mono() - int64(u.B()); d < ns || d > ns+20e6 {
			return fmt.Sprintf("%d ms have passed, want %d", d/1e6, ns/1e6)
		}
		return ""
	}
}
