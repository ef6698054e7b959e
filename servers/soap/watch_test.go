package soap

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"motile/ipc/std"
	"motile/servers/soap/client"
)

// alone is the only replica, in this process.
func alone(t *testing.T) (*Server, client.Trans) {
	t.Helper()
	v, err := NewServer(Config{Replica: 1, Replicas: []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	v.good = true
	go v.persist()
	go v.clock()
	return v, func(h *std.Header, request, reply []byte) (int, error) {
		if h.Port == v.replicaPort(1).Put() {
			return copy(reply, v.peer(h, request)), nil
		}
		if h.Port != v.put() {
			return 0, std.RPCNotFound
		}
		return copy(reply, v.answer(h, request)), nil
	}
}

// Clients keep what they look up while others change it: none ever sees a value that is
// older than a change that was answered before it asked. Answers are lost now and then.
func TestKeep_NeverStale(t *testing.T) {
	v, trans := alone(t)
	root := v.cfg.Key.ServiceCap("soap", 0)
	writer := client.New(trans, root)
	if err := writer.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	const names = 4
	var value [names]atomic.Uint64 // at least that is in the row
	at := func(i int) string { return fmt.Sprintf("/d/%d", i) }
	for i := range names {
		if err := writer.Append(at(i), client.Cap(object(1))); err != nil {
			t.Fatal(err)
		}
		value[i].Store(1)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	var hits atomic.Uint64
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var mu sync.Mutex
		lossy := func(h *std.Header, request, reply []byte) (int, error) {
			mu.Lock()
			lost := h.Command == std.SoapWatch && rng.IntN(25) == 0
			mu.Unlock()
			n, err := trans(h, request, reply)
			if lost {
				return 0, std.RPCFailure
			}
			return n, err
		}
		c := client.New(lossy, root)
		end := c.Keep()
		all.Go(func() {
			defer end()
			defer func() { hits.Add(c.Hits()) }()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				i := n % names
				least := value[i].Load()
				set, err := c.Lookup(at(i))
				if err != nil {
					t.Error(err)
					return
				}
				if got := client.First(set).Object; got < least {
					t.Errorf("looked up %d, and %d was there", got, least)
					return
				}
				if n%50 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(9, 9))
	worst, updates := time.Duration(0), 0
	for n, began := uint64(2), time.Now(); time.Since(began) < 2*time.Second; n++ {
		i := rng.IntN(names)
		before := time.Now()
		if err := writer.Replace(at(i), client.Cap(object(n))); err != nil {
			t.Fatal(err)
		}
		value[i].Store(n)
		worst = max(worst, time.Since(before))
		updates++
		time.Sleep(time.Duration(rng.IntN(10)) * time.Millisecond)
	}
	close(stop)
	all.Wait()
	t.Logf("%d updates, the longest took %v; %d lookups were answered by what was kept", updates, worst.Round(time.Microsecond), hits.Load())
	if hits.Load() < 1000 || updates < 5 {
		t.Error("hardly anything was kept, or changed")
	}
}

// A client that does not ask any more is waited for until its lease is over, and no longer.
func TestWatchers_Leases(t *testing.T) {
	var ws watchers
	now := time.Unix(1000, 0)
	if ws.looked(7, []uint64{1}, now) {
		t.Error("somebody who does not watch may keep things")
	}
	w, again, unknown := ws.watch(7, 0, now)
	if w == nil || again || !unknown {
		t.Fatal("a new watcher")
	}
	w.answer, w.acked = 1, 1
	if !ws.looked(7, []uint64{1, 2}, now) {
		t.Error("a watcher may not keep things")
	}
	ws.changed(3, 10)
	if ws.clear(now, 11) != 11 {
		t.Error("what it does not know it need not forget")
	}
	ws.changed(2, 11)
	ws.changed(1, 12)
	if got := ws.clear(now, 13); got != 11 {
		t.Errorf("clear up to %d, want 11", got)
	}
	w.told, w.pending, w.answer = w.pending, nil, 2
	if ws.clear(now, 13) != 11 {
		t.Error("it was told, and has not said that it knows")
	}
	if _, again, _ := ws.watch(7, 1, now); !again {
		t.Error("the answer was lost, and is not repeated")
	}
	if _, again, unknown := ws.watch(7, 2, now); again || unknown || ws.clear(now, 13) != 13 {
		t.Error("it has forgotten")
	}
	ws.looked(7, []uint64{1}, now)
	ws.changed(1, 13)
	if ws.clear(now.Add(watchLease), 14) != 13 {
		t.Error("its lease is not over")
	}
	if ws.clear(now.Add(watchLease+watchMargin), 14) != 14 {
		t.Error("its lease is over")
	}
	if _, _, unknown := ws.watch(7, 2, now.Add(time.Minute)); !unknown {
		t.Error("it is known, and was not waited for")
	}
	for id := range uint64(2 * maxWatchers) {
		ws.watch(100+id, 0, now.Add(time.Minute))
	}
	if len(ws.byID) != maxWatchers {
		t.Errorf("%d watchers", len(ws.byID))
	}
}
