package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// Three replicas of a log and two writers, on a wire that loses, doubles, delays and
// reorders. The replicas move from node to node all the time, the sequencer too. In
// the end each line is in the log once, and the three logs are the same.
func TestGroup_ReplicatedLogMoves(t *testing.T) {
	t.Parallel()
	const lines, nodes = 150, 3
	w := boot(t, harness.Options{Nodes: nodes, Deadline: 4 * time.Minute})
	var replicas []*program
	for i := range nodes {
		how := "join"
		if i == 0 {
			how = "found"
		}
		r := w.run(i+1, "/bbin/replog", "serve", "e2e", strconv.Itoa(i), how, "1")
		r.await("serving$")
		replicas = append(replicas, r)
	}
	_, err := w.Bridge().SetFaults(bridge.Faults{Loss: 0.02, Dup: 0.02, Reorder: 0.02, Delay: time.Millisecond, Jitter: 19 * time.Millisecond, Seed: 7})
	w.must(err)
	var writers []*program
	for i := range 2 {
		writers = append(writers, w.run(i+1, "/bbin/replog", "write", "e2e", strconv.Itoa(lines), "0s"))
		writers[i].await("^written 1$")
	}
	rng := rand.New(rand.NewPCG(7, 7))
	at, moves := []int{1, 2, 3}, 0
	began := time.Now()
	for i, done := 0, false; !done; i++ {
		who := i % 3
		at[who] = at[who]%nodes + 1
		if rng.IntN(3) == 0 {
			at[who] = at[who]%nodes + 1
		}
		if replicas[who].attempt(at[who]) {
			moves++
		}
		done = true
		for _, p := range writers {
			done = done && strings.Contains(p.out.tail(3), "done")
		}
	}
	t.Logf("%d lines, %d moves in %v", 2*lines, moves, time.Since(began).Round(time.Millisecond))
	_, err = w.Bridge().SetFaults(bridge.Faults{})
	w.must(err)
	for i, p := range writers {
		p.await("^done$")
		if status := p.end(); status != 0 {
			t.Errorf("writer %d ended with %d", i, status)
		}
	}
	var sums []string
	for i := range replicas {
		p := w.run(i+1, "/bbin/replog", "info", "e2e", strconv.Itoa(i))
		m := p.await(`replica \d: (\d+) entries, sum (\S+); (\S+) \d of (\d+)$`)
		t.Log(m[0])
		if m[1] != fmt.Sprint(2*lines) || m[4] != "3" {
			t.Errorf("replica %d: %s entries of %d, %s members", i, m[1], 2*lines, m[4])
		}
		sums = append(sums, m[2])
		p.end()
	}
	if sums[0] != sums[1] || sums[1] != sums[2] {
		t.Errorf("the logs differ: %v", sums)
	}
	if moves < 10 {
		t.Errorf("%d moves only", moves)
	}
}
