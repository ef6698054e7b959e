package proc

import (
	"testing"

	"motile/kernel/object"
)

// A call whose answer has come, and that waits below a signal handler until it can have
// it, does not get the answer of another call that was given its slot since.
func TestBySlot_AnsweredCallsWaitNoMore(t *testing.T) {
	p := new(Process)
	first := &Thread{proc: p, Below: []Suspended{{Call: Call{Active: true, Slot: 1, Answer: new(object.Answer)}}}}
	second := &Thread{proc: p, Call: Call{Active: true, Slot: 1}}
	p.Threads = []*Thread{first, second}
	if x, c := p.BySlot(1); x != second || c != &second.Call {
		t.Errorf("slot 1 is that of thread %p, call %p", x, c)
	}
}
