package nodetest

import (
	"runtime"
	"testing"

	"motile/kernel/abi"
)

// dozer only sleeps, again and again.
var dozer = Register(func(u *User) {
	u.Call(0, abi.SysNanosleep, u.Put(0, timespec(1e9)), 0)
})

// inUse is what is left of the heap after a collection.
func inUse() int64 {
	runtime.GC()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	return int64(st.HeapAlloc)
}

// What nodes keep of a process that passes is a line in their logs and how its last moves
// ended. Any record of the process or the move itself is larger than that.
func TestMove_PassingProcessesLeaveLittle(t *testing.T) {
	const settled, hops, most = 100, 600, 1024
	w := New(t, 3, 1)
	pid := w.Nodes[1].Start(dozer, nil).PID
	var before int64
	for i := range hops {
		if i == settled {
			before = inUse()
		}
		w.Move(pid, (i+1)%3+1)
	}
	if kept := (inUse() - before) / (hops - settled); kept > most {
		t.Errorf("a hop leaves %d bytes behind; want at most %d", kept, most)
	}
	if on := w.On(pid); on != hops%3+1 {
		t.Errorf("the process is on node %d", on)
	}
}
