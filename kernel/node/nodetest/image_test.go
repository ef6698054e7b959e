package nodetest

import (
	"strings"
	"testing"

	"motile/kernel/object"
	"motile/proc/api"
)

// An image that no message takes is refused in words, and the process runs on.
func TestMove_ImageTooLarge(t *testing.T) {
	w := New(t, 2, 1)
	l := object.NewLog()
	p := startCounter(w)
	p.Log = object.NewFile(l, object.OWronly, "log:")
	if l.Append(make([]byte, object.LogSize)) != object.LogSize {
		t.Fatal("no room for the log")
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
