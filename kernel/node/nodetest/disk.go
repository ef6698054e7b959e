package nodetest

// Disk is a simulated device that takes its time. It is there before its node boots, and
// after it has died.
type Disk struct {
	Image []byte
	Takes int64 // ns for a request
	Fails bool  // requests end with an error
	Cache bool

	w       *World
	slots   []diskOp
	held    int // 1 + the slot that Done has returned
	Syncs   int
	Deepest int // requests that were under way at one time
}

// diskOp is a request that is under way.
type diskOp struct {
	busy bool
	at   int64 // when it ends
	do   func() []byte
}

const diskSlots = 4

// AddDisk gives a node a disk when it boots the next time.
func (w *World) AddDisk(node int, blocks int) *Disk {
	d := &Disk{w: w, Image: make([]byte, blocks*512), Takes: 1e6, Cache: true, slots: make([]diskOp, diskSlots)}
	if w.disks == nil {
		w.disks = make(map[int]*Disk)
	}
	w.disks[node] = d
	return d
}

// The device: node.Disk.

func (d *Disk) Blocks() uint64 { return uint64(len(d.Image) / 512) }
func (d *Disk) ReadOnly() bool { return false }
func (d *Disk) Cached() bool   { return d.Cache }
func (d *Disk) Slots() int     { return len(d.slots) }

func (d *Disk) Read(block uint64, count int) (int, bool) {
	return d.begin(func() []byte { return d.Image[block*512:][:count*512] })
}

func (d *Disk) Write(block uint64, data []byte) (int, bool) {
	data = append([]byte(nil), data...)
	return d.begin(func() []byte { copy(d.Image[block*512:], data); return nil })
}

func (d *Disk) Sync() (int, bool) {
	return d.begin(func() []byte { d.Syncs++; return nil })
}

func (d *Disk) begin(do func() []byte) (int, bool) {
	slot, busy := -1, 1
	for i := range d.slots {
		if d.slots[i].busy {
			busy++
		} else if slot < 0 {
			slot = i
		}
	}
	if slot < 0 {
		return 0, false
	}
	d.Deepest = max(d.Deepest, busy)
	d.slots[slot] = diskOp{true, d.w.Now + d.Takes, do}
	return slot, true
}

func (d *Disk) Done() (slot int, data []byte, ok, done bool) {
	if d.held > 0 {
		d.slots[d.held-1] = diskOp{}
		d.held = 0
	}
	for i := range d.slots {
		op := &d.slots[i]
		if !op.busy || op.at > d.w.Now {
			continue
		}
		d.held = i + 1
		if d.Fails {
			return i, nil, false, true
		}
		return i, op.do(), true, true
	}
	return 0, nil, false, false
}

// next is when a request ends, or end if that is sooner.
func (d *Disk) next(end int64) int64 {
	for _, op := range d.slots {
		if op.busy {
			end = min(end, op.at)
		}
	}
	return end
}

// powerOff forgets what was under way.
func (d *Disk) powerOff() {
	clear(d.slots)
	d.held = 0
}
