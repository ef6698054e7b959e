package object

import (
	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Remote is an object whose home is another node, or the host: a terminal, the
// other end of a pipe, a file description that relatives share. Operations are
// transactions of the process that makes them, so they move with it.
type Remote struct {
	Addr     flip.Address
	Mode     uint32 // as stat shows it
	Rdev     uint64
	Terminal bool // it answers terminal requests
	Counted  bool // it counts its holders: this node is one of them
	Seekable bool // it has a position, kept at its home
	Residual bool // it is a node's own and stays there
	Timer    bool // it is a timerfd
	Wall     bool // one of CLOCK_REALTIME
	Home     int  // the node it was last known at, for people

	// Service, if not null, names an object of a server that is a process: what it is
	// asked goes to the server's port, and Addr only tells it from others.
	Service capability.Capability
	// Socket is what is beside that of a socket; nil: it is none.
	Socket *Socket

	// Ask has the object asked for its readiness, at once or when one of the
	// events holds, on behalf of the node; Told is called with the answer.
	Ask func(r *Remote, events Events, wait bool)
	// AskLocks has the object asked, on behalf of the node, to say when locks of it have
	// been given up since a version; LocksChanged is called then. who says who waits for
	// what.
	AskLocks func(r *Remote, who []byte, version uint64)
	// Unlocked tells the object that a process here has closed it.
	Unlocked func(r *Remote, pid int32, upto int64)
	// Abandoned tells a terminal that the leader of its session has left it; f is the
	// description that it had.
	Abandoned func(r *Remote, f *File, leader Who)
	// Adopt connects another Remote to the network as this one is.
	Adopt func(*Remote)
	// Dropped is called when the last description here is closed.
	Dropped func(r *Remote)

	ready    Events // known to hold
	known    bool   // an answer has come that no operation has overtaken
	asking   bool   // an immediate answer is under way
	joined   bool   // the other end of a FIFO has been opened
	watching Events // an answer is promised for when one of these holds
	queue    wait.Queue

	patience    uint32 // as the last answer of EAGAIN said
	lockVersion uint64 // as the last refusal of a lock said
}

func (r *Remote) Queue() *wait.Queue { return &r.queue }

// Route addresses a request to the object, in whose header it may be named.
func (r *Remote) Route(h *std.Header) flip.Address {
	if r.Service.IsNull() {
		return r.Addr
	}
	h.SetCapability(r.Service)
	return flip.Address{}
}

func (r *Remote) Stat() Stat {
	st := Stat{Mode: r.Mode, Nlink: 1, Rdev: r.Rdev}
	if n, ok := PTSNumber(r.Rdev); ok && r.Terminal {
		st.Ino = uint64(n) + firstInode
	}
	return st
}

func (r *Remote) Close(*File) {
	if r.Dropped != nil {
		r.Dropped(r)
	}
}

// position is the Offset of a request.
func (r *Remote) position(op *Op, off int64) uint64 {
	if op.Positioned {
		return uint64(off)
	}
	return fileio.Stream
}

func (op *Op) who(b []byte) []byte {
	return fileio.Who{PID: op.Who.PID, PGID: op.Who.PGID, SID: op.Who.SID, NoTTOU: op.Who.NoTTOU}.Append(b)
}

// unreachable is the error for an object that cannot be asked any more.
func unreachable(s std.Status) int {
	if s == std.OK {
		return 0
	}
	return abi.EIO
}

func (r *Remote) Read(op *Op, f *File, off int64) int {
	if r.Socket != nil {
		return r.Recv(op, f, 0, nil)
	}
	n := min(op.Buf.Left(), fileio.MaxData)
	if n == 0 {
		return 0
	}
	if a, ok := op.Link.Answer(); ok {
		if errno := unreachable(a.Status); errno != 0 {
			return errno
		}
		r.stale(In | RdNorm) // whether more is there is for the object to say
		a.flags(f)
		r.patience = 0
		if a.Header.Extra == abi.EAGAIN {
			r.patience = a.Header.Size
		}
		return a.take(op)
	}
	h := std.Header{Command: fileio.Read, Offset: r.position(op, off), Size: uint32(n)}
	if op.Late {
		h.Extra = 1
	}
	op.Link.Ask(r.Addr, &h, op.who(nil))
	return abi.EBLOCKED
}

// Patience implements Patient, as the object has said last.
func (r *Remote) Patience() (ns int64, some bool) {
	return int64(r.patience&^fileio.Some) * 1e6, r.patience&fileio.Some != 0
}

func (r *Remote) Write(op *Op, f *File, off int64) int {
	if r.Socket != nil {
		return r.Send(op, f, 0, nil)
	}
	if a, ok := op.Link.Answer(); ok {
		if errno := unreachable(a.Status); errno != 0 {
			return errno
		}
		a.flags(f)
		if errno := a.skip(op); errno != 0 {
			r.stale(Out | WrNorm)
			return errno
		}
		if op.Buf.Left() == 0 {
			return 0
		}
		off += int64(op.Buf.Done)
	}
	room := op.admitted(fileio.MaxData)
	if room < PipeBuf && op.Buf.Done == 0 && op.Buf.Left() > room && op.Buf.Left() <= PipeBuf {
		return abi.ENOMEM // it must go as a whole
	}
	data := op.who(make([]byte, 0, fileio.WhoSize+min(op.Buf.Left(), room)))
	n := op.Buf.Peek(data[len(data):cap(data)])
	if n == 0 {
		return faultError(op)
	}
	h := std.Header{Command: fileio.Write, Offset: r.position(op, off)}
	op.Link.Ask(r.Addr, &h, data[:len(data)+n])
	return abi.EBLOCKED
}

// admitted is how much of max an operation may send to an object elsewhere at a time: it
// is in the kernel's heap until the object has answered. What a shell says gets through
// always, for a thread takes more.
func (op *Op) admitted(max int) int {
	const always = 512
	if op.Pressure != nil && op.Pressure() {
		return always
	}
	return max
}

// Seek asks for the offset to be changed, as lseek(2) does; Sought finds the outcome.
func (r *Remote) Seek(op *Op, off int64, whence uint32) {
	op.Link.Ask(r.Addr, &std.Header{Command: fileio.Seek, Offset: uint64(off), Size: whence}, op.who(nil))
}

// Sought is the offset that a Seek has led to.
func Sought(op *Op) (off int64, errno int) {
	a, ok := op.Link.Answer()
	switch {
	case !ok:
		return 0, abi.EIO
	case a.Status != std.OK:
		return 0, unreachable(a.Status)
	}
	return int64(a.Header.Offset), int(a.Header.Extra)
}

// SetFlags asks for the status flags of the description to be changed; FlagsSet finds
// the outcome. They are the description's, whoever else has it open and wherever.
func (r *Remote) SetFlags(op *Op, which, to int) {
	h := std.Header{Command: fileio.Flags, Extra: uint32(which), Size: uint32(to)}
	op.Link.Ask(r.Route(&h), &h, op.who(nil))
}

// FlagsSet takes over what a SetFlags has led to. It reports false if the object keeps
// no flags, or cannot be asked: then those of f are all there are.
func FlagsSet(op *Op, f *File) bool {
	a, ok := op.Link.Answer()
	return ok && a.Status == std.OK && a.flags(f)
}

// flags takes over the status flags that the object's home has for its description.
func (a *Answer) flags(f *File) bool {
	if a.Header.Offset&fileio.FlagsKnown == 0 {
		return false
	}
	f.SetFlags(OSettable, int(uint32(a.Header.Offset)))
	return true
}

// take is the outcome of a read: its data go to the buffer.
func (a *Answer) take(op *Op) int {
	if a.Header.Extra != 0 {
		return int(a.Header.Extra)
	}
	op.Buf.Put(a.Data)
	return faultError(op)
}

// skip is the outcome of a write: so much of the buffer is done with.
func (a *Answer) skip(op *Op) int {
	op.Buf.Skip(min(int(a.Header.Size), fileio.MaxData))
	return int(a.Header.Extra)
}

// Answered ends the step of a read or write that asked an object elsewhere, when the
// object is on this node by the time the answer has come.
func Answered(op *Op, write bool) int {
	a, ok := op.Link.Answer()
	switch {
	case !ok:
		return abi.EAGAIN
	case a.Status != std.OK:
		return unreachable(a.Status)
	case !write:
		return a.take(op)
	}
	if errno := a.skip(op); errno != 0 || op.Buf.Left() == 0 {
		return errno
	}
	return abi.EAGAIN // the rest is for another step
}

// Control implements Controllable for terminals.
func (r *Remote) Control(op *Op, f *File, c *Control) int {
	if !r.Terminal {
		return abi.ENOTTY
	}
	if op.Link == nil && r.Rdev == ptmxDevice {
		return abi.ENOTTY
	}
	if op.Link == nil {
		return 0 // the kernel itself, making it a controlling terminal
	}
	if a, ok := op.Link.Answer(); ok {
		if errno := unreachable(a.Status); errno != 0 {
			return errno
		}
		c.Out = a.Data
		return int(a.Header.Extra)
	}
	h := std.Header{Command: fileio.Control, Extra: c.Request, Offset: c.Arg}
	op.Link.Ask(r.Addr, &h, append(op.who(nil), c.In...))
	return abi.EBLOCKED
}

// HangUp implements Terminal.
func (r *Remote) HangUp(f *File, who Who) {
	if r.Terminal && r.Abandoned != nil {
		r.Abandoned(r, f, who)
	}
}

// Ready is what is known to hold. A peer that is gone is known to be.
func (r *Remote) Ready(*File) Events {
	if r.joined {
		return r.ready | Joined
	}
	return r.ready
}

// stale: an operation has shown that the events do not hold.
func (r *Remote) stale(e Events) {
	r.ready &^= e
	r.known = false
	if !r.queue.Empty() {
		r.Watch(e)
	}
}

// Probe implements Distant. That it can be written to says nothing of whether there is
// something to read. An object whose home is this node answers before Ask returns.
func (r *Remote) Probe(want Events) bool {
	if r.ready&(want|Always) != 0 || r.known {
		return true
	}
	if !r.asking {
		r.asking = true
		r.Ask(r, In|Out|Pri|RdNorm|WrNorm, false)
	}
	return r.known
}

// Spend implements Distant. A call may name an object more than once, by one
// descriptor or by several, and looks at it each time.
func (r *Remote) Spend() { r.known = r.known && r.watching != 0 }

// Watch implements Distant.
func (r *Remote) Watch(e Events) {
	if e &^= r.watching | r.ready; e == 0 {
		return
	}
	r.watching |= e
	r.Ask(r, r.watching, true)
}

// Told is the answer to Ask. failed: the object is gone; whoever waits for it
// finds out.
func (r *Remote) Told(e Events, waited, failed bool) {
	if failed {
		e = Err | Hup | In | Out
	}
	if waited {
		r.watching = 0
	} else {
		r.asking, r.known = false, true
	}
	r.ready = e &^ Joined
	r.joined = r.joined || e&Joined != 0
	r.queue.Wake(uint32(e | Always))
}
