package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// What a process answers to, at the address computed from its pid. The kernel of
// the node it is on does so; the endpoint moves with the process, and while the
// process is frozen the box says BUSY, so no request meets it half-way.

// logRead waits for more output.
type logRead struct {
	handle rpc.Handle
	off    int64
	size   int
}

func (n *Node) serveProcess(x *process, r *rpc.Incoming) {
	if _, ok := api.RegionAddress(r.Header.Object); ok {
		n.serveRegion(x, r)
		return
	}
	if s := n.std.process.Check(&r.Header, uint64(x.p.PID), x.secret); s != std.OK {
		n.reply(r, s, nil)
		return
	}
	switch r.Header.Command {
	case api.Info:
		n.replyWith(r, n.info(x.p))
	case api.Signal:
		n.signalProcess(x, r)
	case api.Wait:
		x.waits = append(x.waits, r.Handle)
	case api.ReadLog:
		x.readLog(r)
	case api.Child:
		n.childEvent(x, r)
	case api.Orphan:
		n.Tab.Orphan(x.p, int32(r.Header.Offset))
		n.reply(r, std.OK, nil)
	case api.Join:
		n.joinGroup(x, r)
	case api.Stun:
		x.serveStun(r)
	case api.Resume:
		x.serveResume(r)
	case api.Lease:
		x.serveLease(r)
	case api.GetOwner, api.SetOwner:
		x.ownership(r)
	case api.Snapshot:
		n.serveSnapshot(x, r)
	case api.GetComment:
		n.reply(r, std.OK, []byte(x.p.Comment))
	case api.SetComment:
		if len(r.Data) > maxComment {
			n.reply(r, std.Overflow, nil)
			return
		}
		x.p.Comment = string(r.Data)
		n.reply(r, std.OK, nil)
	default:
		standard(n, &n.std.process, x, x.secret, r)
		if x.doomed { // now that it has been answered
			n.Tab.Signal(x.p, proc.Info{Signo: abi.SIGKILL})
		}
	}
}

const maxComment = 31

// line is STD_INFO's: the state as in Amoeba, then the comment or the command.
func (x *process) line() string {
	state := "Run "
	if x.p.Stopped() || x.p.Stunned() {
		state = "Stp "
	}
	if x.p.Comment != "" {
		return state + x.p.Comment
	}
	return state + command(x.p)
}

// replyWith answers with a CBOR payload.
func (n *Node) replyWith(r *rpc.Incoming, v any) {
	b, err := image.Marshal(v)
	if err != nil {
		n.reply(r, std.SysErr, nil)
		return
	}
	n.reply(r, std.OK, b)
}

// parse decodes a request's payload; if it is malformed it answers so.
func (n *Node) parse(r *rpc.Incoming, v any) bool {
	if image.Unmarshal(r.Data, v) != nil {
		n.reply(r, std.ArgBad, nil)
		return false
	}
	return true
}

func (n *Node) signalProcess(x *process, r *rpc.Incoming) {
	var q api.SignalRequest
	if !n.parse(r, &q) {
		return
	}
	if q.Signo < 0 || q.Signo > abi.NSIG {
		n.reply(r, std.ArgBad, nil)
		return
	}
	in := proc.Info{Signo: q.Signo, Code: q.Code, PID: q.PID, Value: q.Value}
	n.reply(r, std.OK, nil) // before the signal: it may be the last thing that happens here
	if q.TID == 0 {
		n.Tab.Signal(x.p, in)
		return
	}
	if t := n.Tab.Thread(q.TID); t != nil && t.Process() == x.p {
		n.Tab.SignalThread(t, in)
	}
}

// joinGroup puts a process into a group, as its parent on another node wishes.
func (n *Node) joinGroup(x *process, r *rpc.Incoming) {
	errno := x.p.MayJoin(int32(r.Header.Extra), int32(r.Header.Size))
	if errno == 0 {
		n.Tab.SetGroup(x.p, int32(r.Header.Offset))
		n.markSpread(x.p.PGID)
	}
	n.ipc.m.Reply(n.Tab.Now, r.Handle, &std.Header{Extra: uint32(errno)}, nil)
}

func (n *Node) childEvent(x *process, r *rpc.Incoming) {
	var ev api.ChildEvent
	if !n.parse(r, &ev) {
		return
	}
	if ev.State > uint8(proc.ChildExited) {
		n.reply(r, std.ArgBad, nil)
		return
	}
	n.reply(r, std.OK, nil)
	n.Tab.ChildChanged(x.p, proc.Child{PID: ev.PID, PGID: ev.PGID, State: proc.ChildState(ev.State), Status: ev.Status,
		UserNs: ev.UserNs, SystemNs: ev.SystemNs, ExitSig: ev.ExitSig, Seq: ev.Seq})
}

// ended answers those who waited for the process's end, and closes its log to
// readers.
func (x *process) ended(status int) {
	n := x.node
	for _, handle := range x.waits {
		h, b := x.endedReply(status)
		n.ipc.m.Reply(n.Tab.Now, handle, h, b)
	}
	x.waits = nil
	x.tellOwner(status)
	l := x.log()
	if l != nil {
		x.flushReads(l, true)
	}
	if l != nil || x.kept {
		n.keepLate(x, l, status)
	}
	n.perform()
}

func (x *process) log() *object.Log {
	if x.p.Log == nil {
		return nil
	}
	l, _ := x.p.Log.Impl.(*object.Log)
	return l
}

// readLog answers with output from Offset on. With Extra set it waits until
// there is some.
func (x *process) readLog(r *rpc.Incoming) {
	n, l := x.node, x.log()
	if l == nil {
		n.reply(r, std.NotFound, nil)
		return
	}
	q := logRead{r.Handle, int64(r.Header.Offset), int(min(r.Header.Size, maxLogRead))}
	if r.Header.Extra != 0 && q.off >= l.End() {
		if len(x.reads) == 0 {
			l.OnWrite = func() { x.flushReads(l, false) }
		}
		x.reads = append(x.reads, q)
		return
	}
	n.answerLog(l, q)
}

const maxLogRead = 64 << 10

func (n *Node) answerLog(l *object.Log, q logRead) {
	p, first := l.From(q.off, q.size)
	n.ipc.m.Reply(n.Tab.Now, q.handle, &std.Header{Offset: uint64(first), Size: uint32(len(p))}, p)
	n.perform()
}

// flushReads answers the reads that wait for output: there is some, or (ended)
// there will be none.
func (x *process) flushReads(l *object.Log, ended bool) {
	reads := x.reads
	x.reads = nil
	l.OnWrite = nil
	for _, q := range reads {
		x.node.answerLog(l, q)
	}
}

// askAgain answers everything that waits at the process with NotNow, before it is
// frozen: those who asked ask again, and find it wherever it then is.
func (x *process) askAgain() {
	n := x.node
	for _, h := range x.waits {
		n.ipc.m.Reply(n.Tab.Now, h, &std.Header{Command: statusWord(std.NotNow)}, nil)
	}
	for _, q := range x.reads {
		n.ipc.m.Reply(n.Tab.Now, q.handle, &std.Header{Command: statusWord(std.NotNow)}, nil)
	}
	x.waits, x.reads = nil, nil
	if w := x.waiting; w != nil {
		w.end(std.NotNow, "it is on its way to another node; ask again")
	}
	if l := x.log(); l != nil {
		l.OnWrite = nil
	}
	n.perform()
}

func statusWord(s std.Status) uint32 { return uint32(int32(s)) }
