package run

import (
	"maps"
	"slices"
	"time"

	"motile/proc/api"
)

// Hosts is what is known of the nodes. The server's loop owns it.
type Hosts struct {
	all map[int]*host
}

// host is one node.
type host struct {
	load  api.Load
	state hostState
	since time.Time // of crashed, down: when it fell silent
	next  time.Time // when it is asked again

	// What programs that were sent there since it was asked will need of it: it shows
	// in its answers only when they run.
	chargedKB    int
	chargedMilli int
}

type hostState uint8

const (
	up hostState = iota
	crashed
	down
)

// How often a node is asked, by its state (run(8)).
var pollEvery = [...]time.Duration{up: 5 * time.Second, crashed: 10 * time.Second, down: time.Minute}

// downAfter is how long a node that does not answer counts as crashed.
const downAfter = time.Minute

// NewHosts knows nobody yet.
func NewHosts() *Hosts { return &Hosts{all: make(map[int]*host)} }

// Add makes nodes known, to be asked at once.
func (h *Hosts) Add(nodes []int) {
	for _, n := range nodes {
		if h.all[n] == nil {
			h.all[n] = &host{state: crashed}
		}
	}
}

// Due lists the nodes to be asked now, and says when the next ones are.
func (h *Hosts) Due(now time.Time) (nodes []int, next time.Time) {
	next = now.Add(pollEvery[up])
	for _, n := range h.numbers() {
		x := h.all[n]
		if !x.next.After(now) {
			nodes = append(nodes, n)
		} else if x.next.Before(next) {
			next = x.next
		}
	}
	return nodes, next
}

// Heard takes a node's answer. What was charged to it shows in that.
func (h *Hosts) Heard(l api.Load, now time.Time) {
	h.all[l.Node] = &host{load: l, state: up, next: now.Add(pollEvery[up])}
}

// Silent takes that a node did not answer: it gets no programs, and is asked less often in
// time.
func (h *Hosts) Silent(node int, now time.Time) {
	x := h.all[node]
	if x == nil {
		return
	}
	if x.state == up || x.since.IsZero() {
		x.state, x.since = crashed, now
	}
	if now.Sub(x.since) > downAfter {
		x.state = down
	}
	x.next = now.Add(pollEvery[x.state])
}

// numbers lists the nodes in order.
func (h *Hosts) numbers() []int { return slices.Sorted(maps.Keys(h.all)) }
