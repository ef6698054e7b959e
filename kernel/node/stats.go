package node

import (
	"fmt"
	"strconv"
	"strings"

	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc/api"
)

// stats is the answer to Stats: the metrics for people, a line each.
func (n *Node) stats() string {
	var b strings.Builder
	if n.K.LiveHeap != nil {
		fmt.Fprintf(&b, "%s %d\n", api.LiveHeap, n.K.LiveHeap())
	}
	for _, m := range n.metrics() {
		b.WriteString(m.Name)
		if m.Unit != "" {
			b.WriteString("_" + m.Unit)
		}
		for _, v := range m.Values {
			b.WriteByte(' ')
			if m.Label != "" {
				b.WriteString(v.Label + ":")
			}
			b.WriteString(strconv.FormatFloat(v.Value, 'f', -1, 64))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (n *Node) liveSegments() (count int) {
	for _, s := range n.segments {
		if s != nil {
			count++
		}
	}
	return count
}

const maxNative = 256 // there are fewer calls of our own

// countCalls notes in the middle of which calls a process has arrived.
func (n *Node) countCalls(im *image.Process) {
	count := func(nr uint32) {
		if nr < abi.SysMotile+maxNative { // others are what somebody made up
			n.movedIn[nr]++
		}
	}
	for i := range im.Threads {
		t := &im.Threads[i]
		if t.Call != nil {
			count(t.Call.Nr)
		}
		for k := range t.Below {
			count(t.Below[k].Call.Nr)
		}
	}
}

// Leftovers names what outlives all processes and should not, or "".
func (n *Node) Leftovers() string {
	if len(n.exports)+len(n.remotes)+len(n.sources)+len(n.targets)+len(n.objectMoves)+n.openHolds()+
		n.ipc.raw.Processes()+len(n.restarts)+n.liveSegments()+len(n.watches)+len(n.residues)+len(n.pagers)+len(n.movers.errands) == 0 {
		return ""
	}
	return fmt.Sprintf("%d exports, %d remotes, %d moves out, %d in, %d of objects, %d held, %d with raw endpoints, %d restarts, %d segments, %d ends waited for, %d residues, %d pagers, %d messages for servers",
		len(n.exports), len(n.remotes), len(n.sources), len(n.targets), len(n.objectMoves), n.openHolds(), n.ipc.raw.Processes(),
		len(n.restarts), n.liveSegments(), len(n.watches), len(n.residues), len(n.pagers), len(n.movers.errands))
}
