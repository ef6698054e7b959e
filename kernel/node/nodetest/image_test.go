package nodetest

import (
	"strings"
	"testing"

	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
)

// full gives a process a log with as much in it as it keeps.
func full(t *testing.T, p *proc.Process) {
	l := object.NewLog()
	p.Log = object.NewFile(l, object.OWronly, "log:")
	if l.Append(make([]byte, 2*object.LogSize)) != 2*object.LogSize {
		t.Fatal("no room for the log")
	}
}

func TestMove_FullLog(t *testing.T) {
	w := New(t, 2, 1)
	p := startCounter(w)
	full(t, p)
	w.Move(p.PID, 2)
}

// An image that no message takes is refused in words, and the process runs on.
func TestMove_ImageTooLarge(t *testing.T) {
	w := New(t, 2, 1)
	p := startCounter(w)
	full(t, p)
	for fd := int32(10); fd < 30; fd += 2 {
		pipe := object.RestorePipe(make([]byte, 64<<10), 1, 1)
		p.FDs.Set(fd, object.NewFile(pipe, object.ORdonly, "pipe:"), false)
		p.FDs.Set(fd+1, object.NewFile(pipe, object.OWronly, "pipe:"), false)
	}
	var reply *api.MigrateReply
	w.Host.Migrate(p.PID, 1, 2, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(60e9, "the answer", func() bool { return reply != nil })
	if !strings.Contains(reply.Error, "log") || w.On(p.PID) != 1 || p.Frozen() {
		t.Errorf("%q, on node %d, frozen: %v", reply.Error, w.On(p.PID), p.Frozen())
	}
	w.Run(1e9)
	if s := w.Nodes[2].Leftovers(); s != "" {
		t.Errorf("left on node 2: %s", s)
	}
}
