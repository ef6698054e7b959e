package node

import (
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// Timerfds, signalfds and pidfds in moves. A timerfd is an object like an eventfd: it
// goes along, or stays with those who share it. Of the other two each process can have
// its own: a signalfd shows the reader's signals, a pidfd the end of a process, and
// that is found out wherever one is.

// captureEvent writes one down that goes along.
func (n *Node) captureEvent(p *proc.Process, impl object.Impl, m *image.File, o *image.Object) {
	switch impl := impl.(type) {
	case *object.Timerfd:
		m.Kind = image.KindTimerfd
		o.Timer = image.Timer{Ticks: impl.Ticks, Armed: impl.Armed, Left: impl.At - n.Tab.Now, Period: impl.Period,
			Fired: impl.Fired, Wall: impl.Wall, Cancel: impl.Cancel, Canceled: impl.Canceled}
		if impl.ByWall {
			o.Timer.At = n.wall(p) + o.Timer.Left
		}
	case *object.Signalfd:
		m.Kind = image.KindSignalfd
		o.Mask = impl.Set
	case *object.Pidfd:
		m.Kind = image.KindPidfd
		o.PID, o.Over = impl.End.PID, impl.End.Over
	}
}

// wall is the wall clock of a process, or of the node if it is nil.
func (n *Node) wall(p *proc.Process) int64 {
	if p == nil {
		return n.Tab.Now + n.Tab.WallBase
	}
	return p.Wall()
}

// event makes one of an image. A timerfd stands still until resumeTimers.
func (a *assembly) event(m *image.File, o *image.Object) object.Impl {
	n := a.n
	switch m.Kind {
	case image.KindTimerfd:
		it := &o.Timer
		d := &object.Timerfd{Ticks: it.Ticks, Armed: it.Armed, At: it.Left, Period: it.Period, Fired: it.Fired,
			Wall: it.Wall, ByWall: it.At != 0, Cancel: it.Cancel, Canceled: it.Canceled}
		d.Alarm = n.Tab.NewAlarm(d.Ring)
		a.timers = append(a.timers, madeTimer{d, it})
		return d
	case image.KindSignalfd:
		return &object.Signalfd{Set: o.Mask}
	case image.KindPidfd:
		pid, over := o.PID, o.Over
		if a.copy {
			pid, over = a.copyPidfd(pid, over)
		}
		if over {
			e := &object.End{PID: pid, Over: true}
			e.Retain()
			return &object.Pidfd{End: e}
		}
		return &object.Pidfd{End: n.Tab.EndOf(pid)}
	}
	return nil
}

// copyPidfd is what a copy has of a pidfd: one for the process itself is for the copy
// now, and of the children that were running it has heard that they have ended.
func (a *assembly) copyPidfd(pid int32, over bool) (int32, bool) {
	if slices.Contains(a.im.Former, pid) {
		return a.im.PID, over
	}
	child := slices.ContainsFunc(a.im.Children, func(c image.Child) bool { return c.PID == pid })
	return pid, over || child
}

// clockSet is from when on a wall clock that has parted from the monotonic one was set,
// rather than corrected. That happens to who was stored, and not to who moves.
const clockSet = 1e9

// run lets a process that has not stood still run, with its timerfds.
func (a *assembly) run() {
	a.n.Tab.Activate(a.p, a.im, 0)
	a.enterPTYs()
	a.resumeTimers(0)
}

// resumeTimers lets the timerfds run that came with an image, after the process's
// clocks do. frozen is how long they have stood still. From now on it is from here that
// what was written into mapped files goes to their servers.
func (a *assembly) resumeTimers(frozen int64) {
	for _, s := range a.served {
		if s.Mapped != nil {
			s.Mapped.Live = true
		}
	}
	for _, t := range a.timers {
		d, it := t.timer, t.image
		now := a.n.Tab.Now
		d.At = now + it.Left - frozen
		if at := now + it.At - a.n.wall(a.p); it.At != 0 && (at-d.At > clockSet || d.At-at > clockSet) {
			d.At = at
			d.Canceled = d.Canceled || d.Cancel
		}
		d.Resume()
	}
	a.timers = nil
}

// madeTimer is a timerfd that was made of an image.
type madeTimer struct {
	timer *object.Timerfd
	image *image.Timer
}

// setTimer serves fileio.Timer.
func (x *export) setTimer(r *rpc.Incoming) {
	d, is := x.file.Impl.(*object.Timerfd)
	s, ok := object.DecodeTimerSetting(r.Data)
	switch {
	case !is:
		x.answer(r, abi.EINVAL, 0, nil)
	case !ok:
		x.n.reply(r, std.ArgBad, nil)
	default:
		b := d.Apply(s).Append(nil)
		x.answer(r, 0, len(b), b)
	}
}

// endWatch asks a process on another node when it ends, for those here who wait for
// that by a descriptor. The question waits at the process; one that moves has it asked
// again, wherever it then is.
type endWatch struct {
	n     *Node
	pid   int32
	tries int // nobody claimed it
	timer proc.Timer
}

// WatchEnd implements proc.Remote.
func (n *Node) WatchEnd(pid int32) {
	if n.watches[pid] == nil {
		w := &endWatch{n: n, pid: pid}
		w.timer.Init(w)
		n.watches[pid] = w
		w.ask()
	}
}

func (w *endWatch) ask() {
	n := w.n
	if p := n.Tab.Process(w.pid); !n.Tab.Awaited(w.pid) || p != nil && !p.Moving() {
		delete(n.watches, w.pid) // nobody cares any more, or it is here and will be seen to end
		return
	}
	n.call(n.ipc.key.ProcessAddress(w.pid), n.processHeader(w.pid, api.Wait), nil, familyPatience, func(c *rpc.Complete) {
		if c.Status == std.RPCNotFound {
			w.tries++
		} else {
			w.tries = 0
		}
		switch {
		case c.Status == std.OK && c.Header.Status() == std.NotNow:
			w.ask()
		case c.Status == std.OK, w.tries == maxUnclaimed:
			w.over()
		case w.tries > 0:
			n.Tab.StartTimer(&w.timer, n.Tab.Now+lookEvery-familyPatience)
		default: // it fell silent: it is looked for again
			n.Tab.StartTimer(&w.timer, n.Tab.Now+askPause)
		}
	})
}

const askPause = 100e6

// Expire implements proc.Expirer.
func (w *endWatch) Expire(int64) { w.ask() }

func (w *endWatch) over() {
	delete(w.n.watches, w.pid)
	w.n.Tab.Ended(w.pid)
}
