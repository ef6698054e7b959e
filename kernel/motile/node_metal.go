//go:build metal

package main

import (
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"time"

	"motile/boot/info"
	"motile/boot/rt"
	"motile/kernel/fs"
	"motile/kernel/hw"
	"motile/kernel/linux"
	"motile/kernel/object"
	"motile/kernel/trace"
	"motile/proc"
)

// node is everything one machine is. The dispatcher's goroutine owns it.
type node struct {
	number int
	params params

	tab     *proc.Table
	k       *linux.Kernel
	console *object.TTY
	random  *rand.ChaCha8
	ring    trace.Ring
	logged  []byte // the kernel's log, the last logSize bytes

	wallBase int64 // wall clock at monotonic zero, ns since 1970
}

func physical(r info.Range) []byte { return hw.Physical(r.Start, int(r.End-r.Start)) }

// The kernel's heap may take a quarter of the memory, within bounds: what it
// holds for users is bounded by their limits, and admitted only while there is room.
const (
	minHeap = 16 << 20
	maxHeap = 64 << 20
)

func (n *node) initMemory() {
	total := hw.Stats().Total * hw.PageSize
	ceiling := min(max(total/4, minHeap), maxHeap)
	hw.SetHeapCeiling(ceiling / hw.PageSize)
	debug.SetMemoryLimit(int64(ceiling * 3 / 4))
	debug.SetGCPercent(200)
}

// pressure reports that the kernel heap is so full that nothing new is admitted.
func (n *node) pressure() bool {
	st := hw.Stats()
	return st.Heap > st.Ceiling*7/8
}

func (n *node) initClock() {
	if s := n.params.number("uptime", 0); s > 0 {
		hw.SetUptime(int64(s) * 1e9)
	}
	f := hw.RTC()
	wall := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], 0, time.UTC).UnixNano()
	rt.SetWall(wall - hw.Now())
	n.wallBase = wall - hw.Now()
}

func (n *node) initEntropy() {
	n.random = rand.NewChaCha8(hw.Seed())
}

func (n *node) initTable() {
	const pidsPerBoot = 10_000
	boot := n.params.number("boot", 0)
	n.tab = proc.NewTable(n.number, int32(boot*pidsPerBoot%proc.PIDsPerNode))
	n.tab.WallBase = n.wallBase
	n.tab.SpillFPU = rt.SpillFPU
	_, _, _, features := hw.CPUID(1, 0)
	n.k = &linux.Kernel{
		Tab: n.tab, FS: fs.New(), Name: nodeName(n.number),
		Random:     func(b []byte) { n.random.Read(b) },
		Pressure:   n.pressure,
		TotalPages: func() uint64 { return hw.Stats().Total },
		FreePages:  hw.UserFree,
		Log:        n.log,
		HWCap:      features,
	}
}

func nodeName(number int) string { return "node" + strconv.Itoa(number) }
