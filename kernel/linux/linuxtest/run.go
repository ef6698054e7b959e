package linuxtest

import "motile/proc"

// Run is the dispatcher: it lets every thread run that can, until all of them
// wait, or stay in user mode because the test has given them nothing to do.
func (b *Bench) Run() {
	b.Helper()
	const endless = 1 << 20
	for range endless {
		b.Check()
		if t := b.Tab.Next(); t != nil {
			if b.prepare(t) {
				b.user(b.thread(t))
			}
			continue
		}
		if !b.interrupt() && !b.deliver() {
			return
		}
	}
	b.Fatal("the run queue does not become empty")
}

// settle is Run, unless the test does that itself.
func (b *Bench) settle() {
	b.Helper()
	if b.Paused {
		b.Check()
		return
	}
	b.Run()
}

// interrupt is the timer's: threads in user mode notice their signals. It
// reports whether there were any.
func (b *Bench) interrupt() (noticed bool) {
	for i := 0; i < len(b.order); i++ {
		th := b.order[i]
		if th.State() == proc.Running && th.Deliverable() != 0 {
			noticed = true
			if b.prepare(th.Thread) {
				b.user(th)
			}
		}
	}
	return noticed
}

// user is a thread's time in user mode. It ends when the thread no longer runs,
// makes way for another, or has nothing to do.
func (b *Bench) user(th *Thread) {
	for th.State() == proc.Running {
		th.enter()
		if th.Frame.IP == th.site() { // the kernel wants the call made again
			th.Frame.IP += 2
			b.trap(th)
		} else if !th.proceed() {
			return
		}
		if th.State() != proc.Running {
			return
		}
		switch {
		case b.K.Yielded:
			b.K.Yielded = false
			b.Tab.Yield(th.Thread)
		case b.Tab.Urgent():
			b.Tab.Preempted(th.Thread)
		}
	}
}

// trap gives the kernel the call in th's registers, and brings th back to the
// border of user mode if it can go on.
func (b *Bench) trap(th *Thread) {
	b.takeAway(th.Thread)
	b.K.Syscall(th.Thread)
	b.looked(th.Thread)
	if th.State() == proc.Running && (th.Thread.Call.Active || th.Deliverable() != 0) {
		b.prepare(th.Thread)
	}
}

// prepare is the kernel's Prepare.
func (b *Bench) prepare(t *proc.Thread) bool {
	b.takeAway(t)
	ok := b.K.Prepare(t)
	b.looked(t)
	return ok
}

// thread returns the bench's side of t, which may be new: a child of clone.
func (b *Bench) thread(t *proc.Thread) *Thread {
	th := b.threads[t]
	if th == nil {
		th = &Thread{Thread: t, b: b}
		if ip := t.Frame.IP; ip >= Text && ip < Handlers {
			th.level = int(ip-Text) / siteSize
		}
		b.threads[t] = th
		b.order = append(b.order, th)
		b.inherit(th)
	}
	return th
}

func (b *Bench) forget(t *proc.Thread) {
	delete(b.threads, t)
	delete(b.away.midway, t)
}
