package trace

import "fmt"

// Kind says what a record is about.
type Kind uint8

const (
	None Kind = iota
	Syscall
	Fault
	Exception
	Signal
	Fork
	Exec
	Exit
	Run
	Irq
	Frame
	Move
)

var names = [...]string{"none", "syscall", "fault", "exception", "signal", "fork", "exec", "exit", "run", "irq", "frame", "move"}

func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprint(uint8(k))
}

// Event is one record. A and B depend on the kind.
type Event struct {
	Time int64 // monotonic, ns
	Kind Kind
	TID  int32
	A, B uint64
}

const size = 256

// Ring holds the last events. The zero Ring is empty.
type Ring struct {
	buf [size]Event
	n   uint64 // events ever recorded
}

// Add records an event.
func (r *Ring) Add(now int64, k Kind, tid int32, a, b uint64) {
	r.buf[r.n%size] = Event{now, k, tid, a, b}
	r.n++
}

// Last calls f for up to n events, oldest first.
func (r *Ring) Last(n int, f func(Event)) {
	first := uint64(0)
	if have := min(r.n, size); have > uint64(n) {
		first = r.n - uint64(n)
	} else {
		first = r.n - have
	}
	for i := first; i < r.n; i++ {
		f(r.buf[i%size])
	}
}
