package node

import (
	"encoding/binary"
	"fmt"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/ipc/std/service"
)

// The disk server of a node: Amoeba's, for the one disk that it has. Whoever has the
// capability can read and write every block; the node itself makes no use of it. Which
// blocks mean what is for a user program to say, package servers/bullet for one.
//
// A request is answered when the device has carried it out. Until then it is a row of
// this table or of the queue before it, and nothing waits.

// Disk is a device with blocks of 512 bytes. A request that was begun is named by a slot
// of the device's; Done says that it has ended.
type Disk interface {
	Blocks() uint64
	ReadOnly() bool
	Cached() bool // what was written is on stable storage only after a sync
	Slots() int   // requests at a time

	// These begin a request; ok is false if all slots are busy. The device has taken
	// data when they return.
	Read(block uint64, count int) (slot int, ok bool)
	Write(block uint64, data []byte) (slot int, ok bool)
	Sync() (slot int, ok bool)

	// Done returns a request that has ended. data, which was read, is there until it is
	// called again. ok is false if the device could not do it.
	Done() (slot int, data []byte, ok, done bool)
}

// disk is the server. dev is nil on a node without one: then it says so.
type disk struct {
	n      *Node
	dev    Disk
	ep     *rpc.Endpoint
	secret capability.Secret
	claim  uint32 // of who may write
	blank  bool   // nobody has written it since it was made
	std    service.Service[*disk]

	busy    []diskRequest // by slot
	waiting []diskRequest // for a slot, oldest first
	stats   diskStats
}

// diskRequest is one under way; the zero value is none.
type diskRequest struct {
	handle  rpc.Handle
	command uint32
	block   uint64
	count   int
	claim   uint32
	data    []byte // to be written
}

type diskStats struct {
	reads, writes, syncs      uint64
	blocksRead, blocksWritten uint64
	refused                   uint64 // because too many waited
	errors                    uint64 // of the device
}

// maxDiskWaiting is how many requests wait for the device at most: with their data they
// take 4 MB of the kernel's heap.
const maxDiskWaiting = 32

func (n *Node) initDisk(cfg *Config) {
	dev := cfg.Disk
	d := &disk{n: n, dev: dev, blank: cfg.DiskNew, secret: n.ipc.key.ServiceSecret("disk", n.Number)}
	if dev != nil {
		d.newClaim()
		d.busy = make([]diskRequest, dev.Slots())
	}
	d.std = service.Service[*disk]{
		Needs: diskRight, Refused: n.refused, Info: (*disk).info, Status: (*disk).status, Touch: func(*disk) {},
	}
	d.ep = n.ipc.m.Open(n.Tab.Now, rpc.Options{Owner: d, Upcall: true})
	n.ipc.m.Listen(n.Tab.Now, d.ep, n.ipc.key.ServicePort("disk", n.Number).Put())
	n.disk = d
}

// newClaim draws another number than before, and than that of a life before.
func (d *disk) newClaim() {
	var b [4]byte
	for was := d.claim; d.claim == was || d.claim == 0; {
		d.n.K.Random(b[:])
		d.claim = binary.BigEndian.Uint32(b[:])
	}
}

// diskRight is what a command needs.
func diskRight(command uint32) capability.Rights {
	switch command {
	case std.DiskWrite, std.DiskSync, std.DiskClaim:
		return std.DiskRgtWrite
	}
	return std.DiskRgtRead
}

func (d *disk) serve(r *rpc.Incoming) {
	n := d.n
	if s := d.std.Check(&r.Header, 0, d.secret); s != std.OK {
		n.reply(r, s, nil)
		return
	}
	h := &r.Header
	q := diskRequest{handle: r.Handle, command: h.Command, block: h.Offset, count: int(h.Size), claim: h.Extra, data: r.Data}
	switch h.Command {
	case std.DiskInfo, std.DiskSize, std.DiskRead, std.DiskWrite, std.DiskSync, std.DiskClaim:
	default:
		standard(n, &d.std, d, d.secret, r)
		return
	}
	switch s := d.check(&q); {
	case s != std.OK:
		n.reply(r, s, nil)
	case h.Command == std.DiskInfo:
		n.reply(r, std.OK, []byte(d.info()))
	case h.Command == std.DiskSize:
		n.replyHeader(r, &std.Header{Offset: d.dev.Blocks(), Extra: d.blankWord()}, nil)
	case len(d.waiting) == maxDiskWaiting:
		d.stats.refused++
		n.reply(r, std.NotNow, nil)
	default:
		if len(d.waiting) > 0 || !d.begin(q) {
			d.waiting = append(d.waiting, q)
		}
		n.perform()
	}
}

// check says whether a request makes sense.
func (d *disk) check(q *diskRequest) std.Status {
	if d.dev == nil {
		return std.NoMedium
	}
	if q.command != std.DiskRead && q.command != std.DiskWrite {
		return std.OK
	}
	size := d.dev.Blocks()
	switch {
	case q.count < 1 || q.count > std.DiskMost || q.block > size || uint64(q.count) > size-q.block:
		return std.ArgBad
	case q.command == std.DiskRead:
		if len(q.data) != 0 {
			return std.ArgBad
		}
	case len(q.data) != q.count*std.DiskBlock:
		return std.ArgBad
	case d.dev.ReadOnly():
		return std.WriteProt
	}
	return std.OK
}

// begin gives a request to the device, or answers it. It reports false if it has to wait:
// for a slot, or, a claim, until nothing is under way that was asked for before.
func (d *disk) begin(q diskRequest) (ok bool) {
	slot := 0
	switch {
	case q.command == std.DiskRead:
		slot, ok = d.dev.Read(q.block, q.count)
	case q.command == std.DiskClaim && d.underWay() > 0:
		return false
	case q.command == std.DiskClaim:
		d.newClaim()
		return d.answer(&q, &std.Header{Extra: d.claim}, nil)
	case q.claim != d.claim:
		return d.answer(&q, &std.Header{Command: statusWord(std.Denied)}, nil)
	case q.command == std.DiskWrite:
		d.blank = false
		slot, ok = d.dev.Write(q.block, q.data)
	case !d.dev.Cached():
		d.stats.syncs++
		return d.answer(&q, &std.Header{}, nil)
	default:
		slot, ok = d.dev.Sync()
	}
	if ok {
		q.data = nil
		d.busy[slot] = q
	}
	return ok
}

// blankWord is how that travels.
func (d *disk) blankWord() uint32 {
	if d.blank {
		return 1
	}
	return 0
}

func (d *disk) answer(q *diskRequest, h *std.Header, data []byte) bool {
	d.n.ipc.m.Reply(d.n.Tab.Now, q.handle, h, data)
	return true
}

// underWay is how many requests the device has.
func (d *disk) underWay() (count int) {
	for i := range d.busy {
		if d.busy[i].command != 0 {
			count++
		}
	}
	return count
}

// DiskInterrupt answers what the disk has done, and gives it what waits.
func (n *Node) DiskInterrupt() {
	d := n.disk
	for {
		slot, data, ok, done := d.dev.Done()
		if !done {
			break
		}
		q := d.busy[slot]
		d.busy[slot] = diskRequest{}
		d.ended(&q, data, ok)
	}
	begun := 0
	for begun < len(d.waiting) && d.begin(d.waiting[begun]) {
		begun++
	}
	clear(d.waiting[:begun])
	if d.waiting = d.waiting[begun:]; len(d.waiting) == 0 {
		d.waiting = nil
	}
	n.perform()
}

// ended answers a request.
func (d *disk) ended(q *diskRequest, data []byte, ok bool) {
	n, s := d.n, std.OK
	var reply []byte
	switch {
	case !ok:
		d.stats.errors++
		n.Log("motile: the disk could not carry out command %d for %d blocks from %d on", q.command, q.count, q.block)
		s = std.SysErr
	case q.command == std.DiskRead:
		d.stats.reads++
		d.stats.blocksRead += uint64(q.count)
		if n.K.Pressure != nil && n.K.Pressure() {
			s = std.NoMem
			break
		}
		reply = append([]byte(nil), data...)
	case q.command == std.DiskWrite:
		d.stats.writes++
		d.stats.blocksWritten += uint64(q.count)
	case q.command == std.DiskSync:
		d.stats.syncs++
	}
	d.answer(q, &std.Header{Command: statusWord(s), Size: uint32(len(reply))}, reply)
}

func (d *disk) info() string {
	if d.dev == nil {
		return "no disk"
	}
	kind := ""
	if d.dev.ReadOnly() {
		kind = ", read-only"
	}
	return fmt.Sprintf("disk of node %d, %d blocks%s", d.n.Number, d.dev.Blocks(), kind)
}

func (d *disk) status() string {
	var b strings.Builder
	b.WriteString(d.info())
	b.WriteByte('\n')
	if d.dev == nil {
		return b.String()
	}
	s := &d.stats
	fmt.Fprintf(&b, "reads %d of %d blocks\nwrites %d of %d blocks\nsyncs %d\nerrors %d\nunder way %d, waiting %d, refused %d\n",
		s.reads, s.blocksRead, s.writes, s.blocksWritten, s.syncs, s.errors, d.underWay(), len(d.waiting), s.refused)
	return b.String()
}
