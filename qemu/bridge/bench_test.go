package bridge

import (
	"fmt"
	"testing"
	"time"
)

// window is how many frames a sender has under way in the benchmarks. Bulk
// traffic on Motile is windowed too: the bridge drops what does not fit.
const window = 16

// BenchmarkThroughput sends from n1 to n2 in bursts of half a window and waits
// for each burst's predecessor, as a windowed transfer does.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{64, 1514, 9014, MaxFrame} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := newRig(b, 2, Options{})
			r.send("n2", frame(broadcast, addr(2), 0, 60))
			r.want("n1", 0)
			burst := make([][]byte, window/2)
			for i := range burst {
				burst[i] = frame(addr(2), addr(1), i, size)
			}
			r.send("n1", burst...)
			b.SetBytes(int64(size))
			b.ResetTimer()
			for n := 0; n < b.N; n += len(burst) {
				r.send("n1", burst...)
				for range burst {
					if _, err := r.node["n2"].Recv(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/frame")
		})
	}
}

// BenchmarkRoundTrip bounces one frame between n1 and n2: twice through the
// bridge and twice through a scheduler.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{64, 9014, MaxFrame} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := newRig(b, 2, Options{})
			there, back := frame(addr(2), addr(1), 0, size), frame(addr(1), addr(2), 0, size)
			end := make(chan struct{})
			go func() {
				defer close(end)
				for {
					if _, err := r.node["n2"].Recv(); err != nil {
						return
					}
					r.node["n2"].Send(back)
				}
			}()
			b.ResetTimer()
			for range b.N {
				r.send("n1", there)
				if _, err := r.node["n1"].Recv(); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			r.node["n2"].Close()
			<-end
		})
	}
}

// BenchmarkForward is the bridge's own work for one frame: no sockets.
func BenchmarkForward(b *testing.B) {
	for _, size := range []int{64, 9014, MaxFrame} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			br := New(Options{})
			from, to := &port{name: "n1", bridge: br}, &port{name: "n2", bridge: br}
			box := &outbox{limit: defaultQueue}
			to.out.Store(box)
			br.mu.Lock()
			br.insert(from)
			br.insert(to)
			br.mu.Unlock()
			f := frame(addr(2), addr(1), 0, size)
			now := time.Now()
			br.forward(to, frame(addr(1), addr(2), 0, 60), now, nil)
			touched := make([]*port, 0, 4)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				touched = br.forward(from, f, now, touched[:0])
				if len(box.pending) > defaultQueue/2 {
					box.pending = box.pending[:0]
				}
			}
		})
	}
}
