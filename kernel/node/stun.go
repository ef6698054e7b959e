package node

import (
	"fmt"
	"strings"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// Stun stops a process where it stands, until somebody resumes or kills it. As in
// Amoeba there are three kinds:
//
//	normal       the code is not negative. Refused when it is stunned already; between
//	             vfork and exec it waits. The owner is told, and decides what becomes of
//	             the process (owner.go).
//	emergency    the code is negative: at once, whatever the process is doing. One that
//	             is stunned already gets the new code, and its owner is asked again.
//	transparent  StunQuietly: nobody is told.
//
// In Amoeba a stun ends what a process waits for: a normal one getreq, mu_trylock and a
// trans that still looks for its server, an emergency one any trans, so that nobody
// knows whether that was executed. Here a blocked call is a record, and a stun ends none:
// a transaction goes on, its answer is kept, deadlines pass, and when the process is
// resumed its calls find what has come. A server's clients wait for it.
//
// A stunned process can be moved, and is stunned where it arrives; what its owner was
// asked moves along, for that is a transaction of the process itself.

// stun says why a process stands still. A nil *stun: it does not.
type stun struct {
	code    int32
	signal  int32      // that nobody caught, 0: none
	lease   bool       // its lease ran out
	slot    uint32     // of the transaction in which its owner is asked, 0: none
	silence std.Status // how that ended, if it came to nothing
}

// String is what ps says.
func (s *stun) String() string {
	if s == nil {
		return ""
	}
	var words []string
	switch {
	case s.lease:
		words = append(words, api.LeaseRanOut)
	case s.signal != 0:
		words = append(words, fmt.Sprintf("signal %d, which it does not catch", s.signal))
	case s.code < 0:
		words = append(words, fmt.Sprintf("emergency, code %d", s.code))
	default:
		words = append(words, fmt.Sprintf("code %d", s.code))
	}
	switch {
	case s.slot != 0:
		words = append(words, "its owner was asked")
	case s.silence <= std.CapBad: // an error of his or the kernel's, not of the transaction
		words = append(words, fmt.Sprintf("its owner's answer was of no use (%v)", s.silence))
	case s.silence != std.OK:
		words = append(words, fmt.Sprintf("its owner does not answer (%v)", s.silence))
	}
	return strings.Join(words, "; ")
}

// refuse answers that something cannot be done now, and why.
func (n *Node) refuse(r *rpc.Incoming, why string) { n.reply(r, std.NotNow, []byte(why)) }

func (x *process) serveStun(r *rpc.Incoming) {
	n, code := x.node, int64(r.Header.Offset)
	s, tell := &stun{code: int32(code)}, r.Header.Extra&api.StunQuietly == 0
	switch {
	case int64(s.code) != code:
		n.reply(r, std.ArgBad, nil)
		return
	case code < 0:
	case x.stun != nil:
		n.refuse(r, "it is stunned already ("+x.stun.String()+"); only an emergency stun, with a negative code, changes that")
		return
	case x.waiting != nil:
		n.refuse(r, "another stun waits for it")
		return
	case x.p.Space.Shared():
		x.waiting = &stunWait{x: x, s: s, tell: tell, asked: r.Handle, until: n.Tab.Now + vforkGrace}
		x.waiting.timer.Init(x.waiting)
		n.Tab.StartTimer(&x.waiting.timer, n.Tab.Now+vforkPause)
		return
	}
	x.stop(s, tell)
	n.reply(r, std.OK, nil)
}

// stunWait is a normal stun of a process that runs in another one's memory, or whose
// child does: between vfork and exec. That is over soon, as a rule.
type stunWait struct {
	x     *process
	s     *stun
	tell  bool
	asked rpc.Handle
	until int64
	timer proc.Timer
}

// Expire implements proc.Expirer.
func (w *stunWait) Expire(now int64) {
	x := w.x
	switch {
	case x.stun != nil:
		w.end(std.OK, "") // an emergency came first
	case !x.p.Space.Shared():
		x.stop(w.s, w.tell)
		w.end(std.OK, "")
	case now < w.until:
		x.node.Tab.StartTimer(&w.timer, now+vforkPause)
	default:
		w.end(std.NotNow, "it is between vfork and exec and shares its memory; try again when the child has called exec, "+
			"or stun it in an emergency, with a negative code")
	}
}

func (w *stunWait) end(s std.Status, why string) {
	n := w.x.node
	w.x.waiting = nil
	n.Tab.StopTimer(&w.timer)
	n.ipc.m.Reply(n.Tab.Now, w.asked, &std.Header{Command: statusWord(s), Size: uint32(len(why))}, []byte(why))
	n.perform()
}

// stop stuns the process: it takes the place of whatever stun there was.
func (x *process) stop(s *stun, tell bool) {
	x.settled()
	x.dropQuestion()
	x.stun = s
	x.node.Tab.Stun(x.p)
	if tell {
		x.askOwner()
	}
}

func (x *process) serveResume(r *rpc.Incoming) {
	if x.lease.out && r.Header.Extra&api.ResumeWithoutLease == 0 {
		x.node.refuse(r, "its lease ran out, so it may have been restarted elsewhere by now; renew the lease first, or resume it nevertheless")
		return
	}
	x.lease.out = false
	x.resume()
	x.node.reply(r, std.OK, nil)
}

// resume lets a stunned process go on.
func (x *process) resume() {
	if x.stun == nil {
		return
	}
	x.dropQuestion()
	x.stun = nil
	x.node.Tab.Unstun(x.p)
}

// captureStun and adoptStun take a stun along on a move, and the lease.
func (x *process) captureStun(im *image.Process) {
	if s := x.stun; s != nil {
		im.Stun = &image.Stun{Code: s.code, Signal: s.signal, Lease: s.lease, Slot: s.slot, Silence: int32(s.silence)}
	}
	im.Lease = x.lease.left()
}

func (x *process) adoptStun(im *image.Process) {
	s := im.Stun
	if s == nil {
		return
	}
	x.stun = &stun{code: s.Code, signal: s.Signal, lease: s.Lease, slot: s.Slot, silence: std.Status(s.Silence)}
	x.lease.out = s.Lease
	if s.Slot != 0 {
		x.slots.keep(s.Slot)
	}
	x.node.Tab.Stun(x.p)
}

// dropTimers is for a process that has ended or left.
func (x *process) dropTimers() {
	x.node.Tab.StopTimer(&x.lease.timer)
	if x.waiting != nil {
		x.node.Tab.StopTimer(&x.waiting.timer)
		x.waiting = nil
	}
}
