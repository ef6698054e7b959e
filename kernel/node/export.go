package node

import (
	"slices"

	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/kernel/wait"
	"motile/proc/api"
)

// export makes a file description of this node reachable from others: it gives it
// a FLIP address and answers for it. Processes here go on using the description
// directly.
//
// It counts its holders by node, not by process: each node that has a Remote for
// it holds it once, however many of its processes share that. When the last one
// lets go, and no process here has it open, the description is closed.
type export struct {
	n       *Node
	file    *object.File // with one reference of its own, while there are holders
	ep      *rpc.Endpoint
	holders []holder
	polls   []*poll
	taking  bool // it shall go to a holder
	leaving bool // frozen, and written down in the image of a move
	gone    bool // closed, or elsewhere
	pins    int  // snapshots that refer to it
}

// poll is a Poll that waits.
type poll struct {
	x      *export
	handle rpc.Handle
	events object.Events
	locks  bool // it waits for locks to be given up, not for events
	waiter wait.Waiter
}

// exported returns the export of a description, making it if there is none.
func (n *Node) exported(f *object.File) *export {
	for _, x := range n.exports {
		if x.file == f {
			return x
		}
	}
	x := &export{n: n, file: f}
	f.Retain()
	x.ep = n.ipc.m.Open(n.Tab.Now, rpc.Options{Owner: x, Upcall: true})
	n.exports = append(n.exports, x)
	return x
}

// findExport returns the export of a description, or nil.
func (n *Node) findExport(f *object.File) *export {
	for _, x := range n.exports {
		if x.file == f {
			return x
		}
	}
	return nil
}

// closeUnused closes the export if nobody elsewhere holds it.
func (x *export) closeUnused() {
	if !x.held() && x.pins == 0 && !x.taking && !x.leaving && !x.gone {
		x.close()
	}
}

// close ends the export; the description lives on if processes here have it open.
func (x *export) close() {
	x.gone = true
	x.askAgain()
	n := x.n
	for i, y := range n.exports {
		if y == x {
			n.exports = append(n.exports[:i], n.exports[i+1:]...)
			break
		}
	}
	n.ipc.m.Close(n.Tab.Now, x.ep)
	n.perform()
	x.file.Release()
}

// serve answers a request to the object.
func (x *export) serve(r *rpc.Incoming) {
	switch r.Header.Command {
	case fileio.Read:
		x.read(r)
	case fileio.Write:
		x.write(r)
	case fileio.Poll:
		x.poll(r)
	case fileio.Control:
		x.control(r)
	case fileio.Timer:
		x.setTimer(r)
	case fileio.Seek:
		x.seek(r)
	case fileio.Flags:
		x.file.SetFlags(int(r.Header.Extra), int(r.Header.Size))
		x.n.replyHeader(r, &std.Header{Offset: x.flags()}, nil)
	case fileio.Truncate:
		errno := abi.EINVAL
		if s, ok := x.file.Impl.(object.Seekable); ok && int64(r.Header.Offset) >= 0 {
			errno = s.Truncate(int64(r.Header.Offset))
		}
		x.answer(r, errno, 0, nil)
	case fileio.Stat:
		st := x.file.Impl.Stat()
		b := fileio.Status{Mode: st.Mode, Rdev: st.Rdev, Size: st.Size, Ino: st.Ino}.Append(nil)
		x.answer(r, 0, len(b), b)
	case fileio.Lock:
		x.lock(r)
	case fileio.LockWait:
		x.lockWait(r)
	case api.ObjectAcquire, api.ObjectRelease:
		x.hold(r)
	case std.Restrict: // its address is all there is to know
		x.n.reply(r, std.ComBad, nil)
	default:
		standard(x.n, &x.n.std.object, x, capability.Secret{}, r)
	}
}

func (x *export) answer(r *rpc.Incoming, errno, size int, data []byte) {
	x.n.replyHeader(r, &std.Header{Extra: uint32(errno), Size: uint32(size)}, data)
}

// flags is how the description's status flags travel.
func (x *export) flags() uint64 { return fileio.FlagsKnown | uint64(x.file.Flags&object.OSettable) }

// moved answers a read or a write.
func (x *export) moved(r *rpc.Incoming, errno, size int, data []byte) {
	x.n.replyHeader(r, &std.Header{Extra: uint32(errno), Size: uint32(size), Offset: x.flags()}, data)
}

// op prepares an operation for somebody elsewhere.
func (x *export) op(w fileio.Who) *object.Op {
	return &object.Op{Now: x.n.Tab.Now, Pressure: x.n.K.Pressure, Who: object.Who{PID: w.PID, PGID: w.PGID, SID: w.SID, NoTTOU: w.NoTTOU}}
}

// position is where an operation is to happen; own says that it is at the
// description's own offset, which moves with it.
func (x *export) position(r *rpc.Incoming) (off int64, own bool) {
	if r.Header.Offset == fileio.Stream {
		return x.file.Offset, true
	}
	return int64(r.Header.Offset), false
}

func (x *export) read(r *rpc.Incoming) {
	w, _, ok := fileio.DecodeWho(r.Data)
	off, own := x.position(r)
	if !ok || off < 0 {
		x.n.reply(r, std.ArgBad, nil)
		return
	}
	if !x.file.Readable() {
		x.answer(r, abi.EBADF, 0, nil)
		return
	}
	buf := make([]byte, min(r.Header.Size, fileio.MaxData))
	op := x.op(w)
	op.Late = r.Header.Extra&1 != 0
	op.Buf.Kernel(buf)
	errno := x.file.Impl.Read(op, x.file, off)
	n := op.Buf.Done
	if p, ok := x.file.Impl.(object.Patient); ok && errno == abi.EAGAIN && n == 0 {
		x.moved(r, errno, int(patienceWord(p)), nil)
		return
	}
	if n > 0 {
		errno = 0
	}
	if own {
		x.file.Offset += int64(n)
	}
	x.moved(r, errno, n, buf[:n])
}

// patienceWord is what Size says with EAGAIN.
func patienceWord(p object.Patient) uint32 {
	ns, some := p.Patience()
	ms := uint32(max(ns, 0) / 1e6)
	if some {
		ms |= fileio.Some
	}
	return ms
}

func (x *export) write(r *rpc.Incoming) {
	w, data, ok := fileio.DecodeWho(r.Data)
	off, own := x.position(r)
	if !ok || off < 0 {
		x.n.reply(r, std.ArgBad, nil)
		return
	}
	if !x.file.Writable() {
		x.answer(r, abi.EBADF, 0, nil)
		return
	}
	op := x.op(w)
	op.Buf.Kernel(data)
	errno := x.file.Impl.Write(op, x.file, off)
	if own {
		x.file.Offset += int64(op.Buf.Done)
	}
	x.moved(r, errno, op.Buf.Done, nil)
}

func (x *export) poll(r *rpc.Incoming) {
	want := object.Events(r.Header.Size) | object.Always
	got := x.file.Impl.Ready(x.file) & want
	q := x.file.Impl.Queue()
	if got != 0 || r.Header.Extra == 0 || q == nil {
		x.answer(r, 0, int(got), nil)
		return
	}
	p := &poll{x: x, handle: r.Handle, events: want}
	p.waiter.Owner = p
	q.Add(&p.waiter)
	x.polls = append(x.polls, p)
}

// Wake implements wait.Waker: an event may hold.
func (p *poll) Wake(*wait.Waiter, uint32) {
	if p.locks {
		p.end(&std.Header{})
		return
	}
	got := p.x.file.Impl.Ready(p.x.file) & p.events
	if got == 0 {
		return
	}
	p.end(&std.Header{Size: uint32(got)})
}

// end answers a poll that waited.
func (p *poll) end(h *std.Header) {
	p.waiter.Remove()
	x := p.x
	for i, y := range x.polls {
		if y == p {
			x.polls = append(x.polls[:i], x.polls[i+1:]...)
			break
		}
	}
	x.n.ipc.m.Reply(x.n.Tab.Now, p.handle, h, nil)
	x.n.perform()
}

// askAgain ends all polls without a result: before the object moves. It is for the caller
// to perform, when the object is frozen: who asks from this node asks again within that.
func (x *export) askAgain() {
	polls := x.polls
	x.polls = nil
	for _, p := range polls {
		p.waiter.Remove()
		x.n.ipc.m.Reply(x.n.Tab.Now, p.handle, &std.Header{Command: statusWord(std.NotNow)}, nil)
	}
}

func (x *export) control(r *rpc.Incoming) {
	w, in, ok := fileio.DecodeWho(r.Data)
	dev, is := x.file.Impl.(object.Controllable)
	if !ok || !is {
		x.answer(r, abi.ENOTTY, 0, nil)
		return
	}
	c := object.Control{Request: r.Header.Extra, Arg: r.Header.Offset, In: in}
	errno := dev.Control(x.op(w), x.file, &c)
	x.answer(r, errno, len(c.Out), c.Out)
}

func (x *export) seek(r *rpc.Incoming) {
	const set, cur, end = 0, 1, 2
	s, ok := x.file.Impl.(object.Seekable)
	if !ok {
		x.answer(r, abi.ESPIPE, 0, nil)
		return
	}
	off := int64(r.Header.Offset)
	switch r.Header.Size {
	case set:
	case cur:
		off += x.file.Offset
	case end:
		off += s.Size()
	default:
		off = -1
	}
	if off < 0 {
		x.answer(r, abi.EINVAL, 0, nil)
		return
	}
	x.file.Offset = off
	x.n.replyHeader(r, &std.Header{Offset: uint64(off)}, nil)
}

// adoptRemote connects a Remote of this node to the network.
func (n *Node) adoptRemote(r *object.Remote) {
	r.Ask, r.Adopt = n.askRemote, n.adoptRemote
	if r.Socket != nil {
		n.adoptSocket(r)
	}
	r.Dropped = n.remoteDropped
	r.AskLocks, r.Unlocked = n.askLocks, n.remoteUnlocked
	r.Abandoned = n.terminalAbandoned
	n.remotes = append(n.remotes, r)
}

// askRemote asks an object elsewhere what is ready. The answer to a waiting
// question may be that the object is on the move: then it is asked again, if
// anybody here still has it open. To look for one that may be gone for good would
// crowd out, with LOCATEs, the questions that matter.
func (n *Node) askRemote(r *object.Remote, events object.Events, wait bool) {
	h := &std.Header{Command: fileio.Poll, Size: uint32(events)}
	if wait {
		h.Extra = 1
	}
	n.call(r.Addr, h, nil, patience, func(c *rpc.Complete) {
		switch {
		case !slices.Contains(n.remotes, r):
		case c.Status == std.OK && c.Header.Status() == std.NotNow:
			n.askRemote(r, events, wait)
		case c.Status != std.OK || c.Header.Status() != std.OK:
			r.Told(0, wait, true)
		default:
			r.Told(object.Events(c.Header.Size), wait, false)
		}
	})
}

// terminalAbandoned tells a terminal elsewhere that the leader of its session has left it.
// It is held until it has heard that: if nobody else has it open it would be gone.
func (n *Node) terminalAbandoned(r *object.Remote, f *object.File, leader object.Who) {
	f.Retain()
	h := &std.Header{Command: fileio.Control, Extra: tty.TIOCNOTTY}
	who := fileio.Who{PID: leader.PID, PGID: leader.PGID, SID: leader.SID}
	n.call(r.Addr, h, who.Append(nil), familyPatience, func(*rpc.Complete) { f.Release() })
}

// remoteDropped: no process here has the object open any more.
func (n *Node) remoteDropped(r *object.Remote) {
	for i, x := range n.remotes {
		if x == r {
			n.remotes = append(n.remotes[:i], n.remotes[i+1:]...)
			break
		}
	}
	if r.Counted && !n.usesRemote(r.Addr) {
		n.release(r)
	}
}
