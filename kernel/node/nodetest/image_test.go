package nodetest

import (
	"bytes"
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

// pipes gives a process so many pipes, all of them full.
func pipes(p *proc.Process, n int32) {
	for fd := int32(10); fd < 10+2*n; fd += 2 {
		pipe := object.RestorePipe(bytes.Repeat([]byte{byte(fd)}, 64<<10), 1, 1)
		p.FDs.Set(fd, object.NewFile(pipe, object.ORdonly, "pipe:"), false)
		p.FDs.Set(fd+1, object.NewFile(pipe, object.OWronly, "pipe:"), false)
	}
}

// An image that one message does not take goes in several.
func TestMove_ImageInPieces(t *testing.T) {
	for n := int32(0); n < 40; n += 3 { // pieces end where records do, and elsewhere
		w := New(t, 2, uint64(n))
		w.Wire.Loss, w.Wire.Dup = 0.02, 0.02
		p := startCounter(w)
		full(t, p)
		pipes(p, n)
		if r := w.Move(p.PID, 2); r.Report.StateBytes < object.LogSize+int(n)<<16 {
			t.Errorf("%d bytes of state", r.Report.StateBytes)
		}
		q := w.Nodes[2].Tab.Process(p.PID)
		for fd := int32(10); fd < 10+2*n; fd += 2 {
			pipe, ok := q.FDs.Get(fd).Impl.(*object.Pipe)
			if !ok || !bytes.Equal(pipe.Bytes(), bytes.Repeat([]byte{byte(fd)}, 64<<10)) {
				t.Fatalf("fd %d has another content", fd)
			}
		}
	}
}

// An image that is larger than a node's heap should bear is refused in words, and the
// process runs on.
func TestMove_ImageTooLarge(t *testing.T) {
	w := New(t, 2, 1)
	p := startCounter(w)
	full(t, p)
	pipes(p, 60)
	var reply *api.MigrateReply
	w.Host.Migrate(p.PID, 1, 2, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(60e9, "the answer", func() bool { return reply != nil })
	if !strings.Contains(reply.Error, "logs") || w.On(p.PID) != 1 || p.Frozen() {
		t.Errorf("%q, on node %d, frozen: %v", reply.Error, w.On(p.PID), p.Frozen())
	}
	w.Run(1e9)
	if s := w.Nodes[2].Leftovers(); s != "" {
		t.Errorf("left on node 2: %s", s)
	}
}
