// calls: clone futex mmap madvise epoll_pwait tgkill nanosleep

package goroutines

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"motile/qemu/guest/event"
)

// Name of the feature.
const Name = "goroutines"

type node struct {
	value int
	next  *node
}

// Run does it.
func Run([]string) error {
	const ring = 50
	var beats, collected atomic.Int64
	var stop atomic.Bool
	links := make([]chan int, ring)
	for i := range links {
		links[i] = make(chan int)
	}
	var work sync.WaitGroup
	for i := range ring {
		work.Go(func() {
			for v := range links[i] {
				if i == ring-1 {
					continue
				}
				links[i+1] <- v + 1
			}
			if i < ring-1 {
				close(links[i+1])
			}
		})
	}
	beat := time.NewTicker(15 * time.Millisecond)
	defer beat.Stop()
	work.Go(func() {
		for !stop.Load() {
			<-beat.C
			beats.Add(1)
		}
	})
	work.Go(func() { // computes without a call: it must be preempted
		for n := 0; !stop.Load(); n++ {
			if n%(1<<16) == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	began := time.Now()
	event.Ready()
	rounds := 0
	for ; event.Working(); rounds++ {
		links[0] <- rounds
		var list *node
		for i := range 2000 {
			list = &node{i, list}
		}
		runtime.AddCleanup(list, func(int) { collected.Add(1) }, 0)
		sum := 0
		for n := list; n != nil; n = n.next {
			sum += n.value
		}
		if sum != 2000*1999/2 {
			return fmt.Errorf("a list's sum is %d", sum)
		}
		if rounds%8 == 0 {
			runtime.GC()
		}
	}
	stop.Store(true)
	close(links[0])
	work.Wait()
	// If there was no round, for all was over at once, none of the others need have run.
	if most := int64(time.Since(began)/(15*time.Millisecond)) + 1; beats.Load() > most || rounds > 0 && beats.Load() == 0 {
		return fmt.Errorf("%d beats in the time of %d", beats.Load(), most)
	}
	for from := time.Now(); rounds > 0 && collected.Load() == 0; runtime.GC() {
		if time.Since(from) > event.Late {
			return fmt.Errorf("of %d lists none was collected", rounds)
		}
	}
	return nil
}
