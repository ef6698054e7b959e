package bridge

import (
	"sync/atomic"
	"testing"
)

// What a watcher does to the bridge befalls the very frame it was told of.
func TestWatch_ComesBeforeTheFrame(t *testing.T) {
	r := newRig(t, 2, Options{})
	var told atomic.Int32
	r.Watch(func(port string, f []byte) {
		if port == "n1" && told.Add(1) == 2 {
			r.faults(Faults{Partition: "1/2"})
		}
	})
	for i := range 3 {
		r.send("n1", frame(addr(2), addr(1), i, 60))
	}
	r.want("n2", 0)
	r.await(func(Stats) bool { return r.stats("n2").Partitioned == 2 })
	r.Watch(nil)
	r.faults(Faults{})
	r.send("n1", frame(addr(2), addr(1), 3, 60))
	r.want("n2", 3)
	if told.Load() != 3 {
		t.Fatalf("told of %d frames", told.Load())
	}
}
