//go:build metal

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"motile/boot/info"
	"motile/boot/rt"
	"motile/kernel/fs"
	"motile/kernel/hw"
	"motile/kernel/node"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/netdev"
	"motile/netdev/virtio"
	"motile/proc"
	"motile/proc/api"
)

// machine is the hardware, as the node sees it. The dispatcher's goroutine owns it.
type machine struct {
	params   params
	node     *node.Node
	files    *fs.Tree
	console  *object.TTY
	nets     []*virtio.Net
	outside  *virtio.Net   // leads out of the cluster; nil: no card does
	cards    []*virtio.Net // all of them
	disk     *virtio.Disk  // nil: none
	devices  []device      // all of them
	shared   uint32        // interrupt lines that several of them raise
	random   *rand.ChaCha8
	wallBase int64 // wall clock at monotonic zero, ns since 1970

	collect int64 // from when on pressure may have garbage collected again
	yielded int64 // when Wait last let other goroutines run
}

const yieldEvery = 1_000_000 // ns

func physical(r info.Range) []byte { return hw.Physical(r.Start, int(r.End-r.Start)) }

// The kernel's heap may take a quarter of the memory, within bounds: what it
// holds for users is bounded by their limits, and admitted only while there is room.
const (
	minHeap = 16 << 20
	maxHeap = 64 << 20
)

func (m *machine) initMemory() {
	total := hw.Stats().Total * hw.PageSize
	ceiling := min(max(total/4, minHeap), maxHeap)
	hw.SetHeapCeiling(ceiling / hw.PageSize)
	debug.SetMemoryLimit(int64(ceiling * 3 / 4))
	debug.SetGCPercent(200)
}

// pressure reports that the kernel heap is so full that nothing new is admitted.
func (m *machine) pressure() bool { return m.heapAbove(7) }

// filesFull is pressure for what stays when processes have ended: it must leave
// room for those that remove it.
func (m *machine) filesFull() bool { return m.heapAbove(5) }

// starving reports that the heap is beyond its ceiling, in the pages that are set aside
// for the worst, although its garbage has been collected.
func (m *machine) starving() bool {
	if !hw.HeapOver() { // the dispatcher asks before each thread
		return false
	}
	low := func() bool {
		st := hw.Stats()
		return st.Heap > st.Ceiling && st.Free < hw.Slack*3/4
	}
	if !low() {
		return false
	}
	debug.FreeOSMemory()
	return low()
}

// heapAbove reports whether more eighths of the heap's ceiling are in use. Garbage
// does not count: it is collected first, if that was not done just now in vain.
func (m *machine) heapAbove(eighths uint64) bool {
	full := func() bool {
		st := hw.Stats()
		return st.Heap > st.Ceiling*eighths/8
	}
	if !full() {
		return false
	}
	if now := hw.Now(); now >= m.collect {
		debug.FreeOSMemory()
		took := hw.Now() - now
		m.collect = now + took + 2*took // most of the time is the programs'
	}
	return full()
}

// liveHeap is what of the kernel's heap is in use, once the garbage is out of it.
func liveHeap() uint64 {
	debug.FreeOSMemory()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	return st.HeapAlloc
}

func (m *machine) initClock() {
	if s := m.params.number("uptime", 0); s > 0 {
		hw.SetUptime(int64(s) * 1e9)
	}
	f := hw.RTC()
	wall := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], 0, time.UTC).UnixNano()
	m.wallBase = wall - hw.Now()
	rt.SetWall(m.wallBase)
}

// initDevices brings up the virtio devices. What virtio-rng gives is mixed into
// the seed of the generator.
func (m *machine) initDevices() []error {
	found := virtio.Probe(string(physical(rt.Boot.CommandLine)))
	m.cards = found.Nets
	for _, d := range m.cards {
		if netdev.IsOutside(d.Addr()) {
			m.outside = d
		} else {
			m.nets = append(m.nets, d)
		}
	}
	// Machines find their cards in various orders; a node counts its own by address.
	slices.SortFunc(m.nets, func(a, b *virtio.Net) int {
		x, y := a.Addr(), b.Addr()
		return bytes.Compare(x[:], y[:])
	})
	for _, d := range m.cards {
		m.attach(d, d.IRQ)
	}
	if len(found.Disks) > 0 {
		m.disk = found.Disks[0]
		m.attach(m.disk, m.disk.IRQ)
		found.Errors = append(found.Errors, tooMany(found.Disks[1:])...)
	}
	seed := hw.Seed()
	for i, b := range found.Entropy {
		seed[i%len(seed)] ^= b
	}
	m.random = rand.NewChaCha8(seed)
	return found.Errors
}

// device is one that interrupts.
type device struct {
	line uint32 // a bit
	dev  interface{ Interrupt() bool }
}

func (m *machine) attach(d interface{ Interrupt() bool }, irq int) {
	line := uint32(1) << irq
	for _, other := range m.devices {
		m.shared |= other.line & line
	}
	m.devices = append(m.devices, device{line, d})
	hw.EnableIRQ(irq)
	// A frame that came before has raised the line already. An edge nobody saw
	// must not be waited for: whoever reads the device's status lowers it again.
	rt.MarkPending(line)
}

// tooMany complains of disks that nobody will use.
func tooMany(disks []*virtio.Disk) (errs []error) {
	for _, d := range disks {
		errs = append(errs, fmt.Errorf("a further disk, of %d blocks, is not used: a node has one", d.Blocks()))
	}
	return errs
}

func (m *machine) initNode() {
	const pidsPerBoot = 10_000
	_, _, _, features := hw.CPUID(1, 0)
	var links []netdev.Link
	for _, d := range m.nets {
		links = append(links, d)
	}
	var outside netdev.Link
	if m.outside != nil {
		outside = m.outside
	}
	cfg := node.Config{
		Number:   m.params.number("node", 1),
		Epoch:    uint32(m.params.number("boot", 0)),
		FirstPID: int32(m.params.number("boot", 0) * pidsPerBoot % proc.PIDsPerNode),
		WallBase: m.wallBase,
		Random:   func(b []byte) { m.random.Read(b) },
		HWCap:    features,
		Print:    m.print,
		Files:    m.files,
		Key:      m.key(),
		Links:    links,
		Weights:  m.params.weights(len(links)),
		Outside:  outside,
		IPNode:   m.params.number("ip", 0),
		Machine:  m.params["machine"],
		CPU:      cpuid(),
	}
	if m.disk != nil {
		cfg.Disk, cfg.DiskNew = m.disk, m.params["disk"] == "new"
	}
	m.node = node.New(cfg, m)
	m.node.Strace = m.params["strace"] != ""
	m.node.Sampler = sampler{}
	m.node.Tab.SpillFPU = rt.SpillFPU
	m.node.K.Pressure, m.node.K.Starving = m.pressure, m.starving
	m.files.Full = m.filesFull
	m.node.K.HeapPages = func() uint64 { return hw.Stats().Heap }
	m.node.K.LiveHeap = liveHeap
	m.node.K.TotalPages = func() uint64 { return hw.Stats().Total }
	m.node.K.FreePages = func() uint64 { return hw.UserFree() + vm.Dying() + m.node.K.Files.Pages() }
	vm.Reclaim = m.node.K.Files.Reclaim
}

// key is the cluster's key, from the boot archive; a node without one is alone.
func (m *machine) key() (k api.Key) {
	pl, errno := m.files.Lookup(m.files.Root, "/etc/motile/key", true)
	if errno != 0 || pl.Node == nil || pl.Node.Store() == nil {
		m.random.Read(k[:])
		return k
	}
	text := make([]byte, 128)
	k, err := api.ParseKey(string(text[:pl.Node.Store().ReadAt(text, 0)]))
	if err != nil {
		panic("/etc/motile/key: " + err.Error())
	}
	return k
}

func cpuid() (c [3]node.CPUID) {
	for i, leaf := range []uint32{1, 7, 0x80000001} {
		a, b, x, d := hw.CPUID(leaf, 0)
		if leaf == 1 {
			b = 0 // APIC id and the like
		}
		c[i] = node.CPUID{Leaf: leaf, Regs: [4]uint32{a, b, x, d}}
	}
	return c
}

// Now implements node.Machine.
func (m *machine) Now() int64 { return hw.Now() }

// RunUser implements node.Machine.
func (m *machine) RunUser(t *proc.Thread, deadline int64) {
	rt.SetDeadline(deadline)
	rt.SetLabel(uint64(t.Process().PID))
	rt.RunUser(t.Frame)
}

// Pending implements node.Machine.
func (m *machine) Pending() bool { return rt.Pending() }

// Poll implements node.Machine: it hands each device that interrupted to its driver.
func (m *machine) Poll() {
	pending := rt.TakePending()
	if pending&(1<<hw.SerialIRQ) != 0 {
		m.serial()
	}
	m.acknowledge(pending)
	m.receive()
	if m.disk != nil && m.disk.Pending() {
		m.node.DiskInterrupt()
	}
}

// acknowledgeTries bounds what a device can do by never lowering its line.
const acknowledgeTries = 16

// acknowledge lowers the lines that were raised. Devices on PCI share lines, and a line
// that one keeps high while another lowers it has no edge to interrupt with: so
// we ask until, in one round, none of them had raised it.
func (m *machine) acknowledge(pending uint32) {
	for range acknowledgeTries {
		raised := uint32(0)
		for _, d := range m.devices {
			if pending&d.line != 0 && d.dev.Interrupt() {
				raised |= d.line & m.shared
			}
		}
		if raised == 0 {
			return
		}
	}
	rt.MarkPending(pending & m.shared)
}

// burst is how many frames are taken at a time before threads run again.
const burst = 64

// share is after how many of them what they have made leave goes: the ACKs that their
// sender waits for while we deal with the rest.
const share = 16

// receive takes what has come in on all links, and from outside.
func (m *machine) receive() {
	for i, d := range m.nets {
		receiveFrom(d, func(frame []byte) { m.node.Input(i, frame) })
	}
	if m.outside != nil {
		receiveFrom(m.outside, m.node.InputOutside)
	}
}

func receiveFrom(d *virtio.Net, input func([]byte)) {
	for i := range burst {
		frame := d.Recv()
		if frame == nil {
			return
		}
		input(frame)
		if i%share == share-1 {
			d.Flush()
		}
	}
	rt.MarkPending(1 << d.IRQ)
}

// Flush implements node.Machine.
func (m *machine) Flush() {
	for _, d := range m.cards {
		d.Flush()
	}
	if m.disk != nil {
		m.disk.Flush()
	}
}

// Wait implements node.Machine. Now and then the Go runtime's own goroutines get
// their turn first: the garbage collector's, above all. While the node waits for
// messages it is not asked each time, for that costs as much as a message does.
func (m *machine) Wait(deadline int64) {
	if now := m.Now(); now-m.yielded > yieldEvery {
		m.yielded = now
		runtime.Gosched()
	}
	rt.SetDeadline(deadline)
	rt.Halt()
}
