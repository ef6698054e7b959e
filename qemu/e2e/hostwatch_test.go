package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// hostWatch knows how long the host's scheduler has kept each node's machine
// waiting for a CPU. On a host that has fewer CPUs than nodes, or other work, that
// is where most of a node's lateness comes from.
type hostWatch struct {
	mu      sync.Mutex
	samples []hostSample
}

type hostSample struct {
	at     time.Time
	waited map[int]time.Duration // by node, since its machine started
}

const hostSampleEvery = 5 * time.Millisecond

// watchHost begins to watch, until the test ends.
func (w *world) watchHost() *hostWatch {
	h := new(hostWatch)
	tasks := map[int]string{}
	for _, n := range w.Nodes() {
		tasks[n.Number] = fmt.Sprintf("/proc/%d/task/*/schedstat", n.PID)
	}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(hostSampleEvery)
		defer tick.Stop()
		for {
			s := hostSample{time.Now(), map[int]time.Duration{}}
			for node, pattern := range tasks {
				s.waited[node] = schedulerWait(pattern)
			}
			h.mu.Lock()
			h.samples = append(h.samples, s)
			h.mu.Unlock()
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	w.t.Cleanup(func() {
		close(done)
		watching.Wait()
	})
	return h
}

// schedulerWait adds up the run delay of a process's threads (Linux's
// Documentation/scheduler/sched-stats.rst); 0 where there is no such thing.
func schedulerWait(pattern string) (sum time.Duration) {
	files, _ := filepath.Glob(pattern)
	for _, f := range files {
		var ran, waited int64
		if text, err := os.ReadFile(f); err == nil {
			if n, _ := fmt.Sscan(string(text), &ran, &waited); n == 2 {
				sum += time.Duration(waited)
			}
		}
	}
	return sum
}

// kept is how long some nodes were kept waiting in a span of time.
func (h *hostWatch) kept(nodes []int, from, to time.Time) (sum time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var before, after *hostSample
	for i := range h.samples {
		s := &h.samples[i]
		if before == nil || !s.at.After(from) {
			before = s
		}
		if after = s; s.at.After(to) {
			break
		}
	}
	for _, n := range nodes {
		if before != nil {
			sum += after.waited[n] - before.waited[n]
		}
	}
	return sum
}
