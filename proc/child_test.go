package proc

import (
	"testing"

	"motile/kernel/abi"
)

// What becomes of a child is told once, in order, whichever node says it and however
// often: what comes behind a later event is old.
func TestChildChanged_OldNewsIsNoNews(t *testing.T) {
	tb := NewTable(1, 1)
	parent := tb.New(nil)
	child := &Child{PID: 2000007}
	parent.Children = append(parent.Children, child)
	stop := Child{PID: child.PID, State: ChildStopped, Status: abi.SIGSTOP, Seq: 1}
	cont := Child{PID: child.PID, State: ChildContinued, Status: abi.SIGCONT, Seq: 2}
	tb.ChildChanged(parent, stop)
	if child.State != ChildStopped || child.Reported {
		t.Fatalf("%+v", child)
	}
	child.Reported = true
	tb.ChildChanged(parent, stop) // the answer was lost
	if !child.Reported {
		t.Error("one stop was told twice")
	}
	tb.ChildChanged(parent, cont)
	child.Reported = true
	tb.ChildChanged(parent, stop) // by a node that the child has left since
	if child.State != ChildContinued || !child.Reported {
		t.Errorf("an old stop came behind the continuation: %+v", child)
	}
	tb.ChildChanged(parent, Child{PID: child.PID, State: ChildExited, Status: abi.SIGKILL}) // nobody has it any more
	if child.State != ChildExited {
		t.Errorf("its loss is ignored: %+v", child)
	}
}
