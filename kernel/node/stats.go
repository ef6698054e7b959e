package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc/api"
)

// stats is the answer to Stats: counters, a line each.
func (n *Node) stats() string {
	var b strings.Builder
	add := func(name string, v any) { fmt.Fprintf(&b, "%s %v\n", name, v) }
	add("uptime_ns", n.Tab.Now)
	add("processes", len(n.Tab.Processes()))
	add("out_of_memory_kills", n.K.OutOfMemory)
	if n.K.LiveHeap != nil {
		add(api.LiveHeap, n.K.LiveHeap())
	}
	add("segments", n.liveSegments())
	add("denied", n.denied)
	add("strangers", n.strangers)
	b.WriteString("moved_in")
	for _, nr := range slices.Sorted(maps.Keys(n.movedIn)) {
		fmt.Fprintf(&b, " %d:%d", nr, n.movedIn[nr])
	}
	b.WriteByte('\n')
	fmt.Fprintf(&b, "flip %+v\n", n.ipc.m.Box().Stats)
	fmt.Fprintf(&b, "rpc %+v\n", n.ipc.m.Stats)
	fmt.Fprintf(&b, "raw %+v\n", n.ipc.raw.Stats)
	if n.Profile != nil {
		b.WriteString(n.Profile())
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
		n.ipc.raw.Processes()+len(n.restarts)+n.liveSegments()+len(n.watches)+len(n.residues)+len(n.pagers) == 0 {
		return ""
	}
	return fmt.Sprintf("%d exports, %d remotes, %d moves out, %d in, %d of objects, %d held, %d with raw endpoints, %d restarts, %d segments, %d ends waited for, %d residues, %d pagers",
		len(n.exports), len(n.remotes), len(n.sources), len(n.targets), len(n.objectMoves), n.openHolds(), n.ipc.raw.Processes(),
		len(n.restarts), n.liveSegments(), len(n.watches), len(n.residues), len(n.pagers))
}
