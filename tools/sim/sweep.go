package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"motile/ipc/sim/lab"
	"motile/ipc/std"
)

// sweep runs one seed after the other, on all CPUs.
type sweep struct {
	first uint64
	seeds int

	mu          sync.Mutex // guards what follows
	begun, done int
	moves       int
	copies      int
	virtual     int64
	by          map[std.Status]int
	sent        map[std.Status]int // messages of groups
	failedSeed  uint64             // the lowest that failed
	failed      *lab.Result
}

func newSweep(first uint64, seeds int) *sweep {
	return &sweep{first: first, seeds: seeds, by: make(map[std.Status]int), sent: make(map[std.Status]int)}
}

// run runs the seeds, until one fails, and calls tell every two seconds.
func (s *sweep) run(tell func()) {
	stop := make(chan struct{})
	var teller, workers sync.WaitGroup
	teller.Go(func() {
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				tell()
			case <-stop:
				return
			}
		}
	})
	for range runtime.GOMAXPROCS(0) {
		workers.Go(s.work)
	}
	workers.Wait()
	close(stop)
	teller.Wait()
}

func (s *sweep) work() {
	for {
		s.mu.Lock()
		i := s.begun
		s.begun++
		over := i >= s.seeds || s.failed != nil
		s.mu.Unlock()
		if over {
			return
		}
		seed := s.first + uint64(i)
		r := lab.Judge(lab.Generate(seed))
		s.mu.Lock()
		s.done++
		s.moves += r.Moves
		s.copies += r.Copies
		s.virtual += r.At
		for status, n := range r.By {
			s.by[status] += n
		}
		for status, n := range r.Sent {
			s.sent[status] += n
		}
		if r.Broken != "" && (s.failed == nil || seed < s.failedSeed) {
			s.failed, s.failedSeed = r, seed
		}
		s.mu.Unlock()
	}
}

// String says how far it is.
func (s *sweep) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%d of %d histories, %d h of virtual time: %d moves, %d frames, transactions %v, messages %v",
		s.done, s.seeds, s.virtual/3600e9, s.moves, s.copies, s.by, s.sent)
}
