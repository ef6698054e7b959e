package run

import "errors"

// What is asked for a program: how much memory it will need, and how much of that is text
// that some nodes have already. KB.
type Need struct {
	MemoryKB int
	TextKB   int
	Cached   map[int]bool // nodes that have the text
}

// The manual's parameters (run(8)), where they still make sense: memory beyond memTruncKB
// attracts nobody; a tenth of the
// text that a node has counts as if it were memory, and cacheTimeKB of it are worth as much
// as twice the processor. Processors have no weight
// of their own: nodes are emulated by like machines.
const (
	memTruncKB  = 64 << 10 // 2 MB of the manual's, in machines of 8 to 16 MB
	cacheMem    = 10       // percent
	cacheTimeKB = 500
	equivPerc   = 5 // so close to the best, percent, is as good
)

// score says how well a node suits; 0: not at all.
func (x *host) score(need *Need) float64 {
	cached := 0
	if need.Cached[x.load.Node] {
		cached = need.TextKB
	}
	memory := x.load.FreeKB - x.chargedKB - need.MemoryKB
	if x.state != up || memory <= 0 {
		return 0
	}
	memory = min(memTruncKB, memory+cached*cacheMem/100)
	load := float64(x.load.LoadMilli+x.chargedMilli) / 1000
	return float64(memory) / (load + 1) * (1 + float64(cached)/cacheTimeKB)
}

// ErrNoHost says that no node has room.
var ErrNoHost = errors.New("no node that answers has so much memory free")

// Choose says where a program is best started, and charges the node for it: with twice
// its memory and one runnable thread, until the node is asked the next time. pick chooses
// one of n that are as good.
func (h *Hosts) Choose(need *Need, pick func(n int) int) (node int, err error) {
	best := 0.0
	for _, x := range h.all {
		best = max(best, x.score(need))
	}
	if best == 0 {
		return 0, ErrNoHost
	}
	var equal []*host
	for _, n := range h.numbers() {
		if x := h.all[n]; x.score(need) >= best*(100-equivPerc)/100 {
			equal = append(equal, x)
		}
	}
	x := equal[pick(len(equal))]
	x.chargedKB += 2 * need.MemoryKB
	x.chargedMilli += 1000
	return x.load.Node, nil
}
