package linuxtest

import (
	"iter"

	"motile/kernel/abi"
	"motile/proc"
)

// script is a Go function that plays a program. It runs as a coroutine: each of
// its calls goes to the kernel, and the function goes on when the thread is back
// in user mode, which may be much later.
type script struct {
	next  func() (request, bool)
	stop  func()
	yield func(request) bool
}

type request struct {
	nr   uint64
	args [6]uint64
}

// unwound ends a script whose thread is gone.
type unwound struct{}

func newScript(th *Thread, f func(*Thread)) *script {
	s := new(script)
	s.next, s.stop = iter.Pull(func(yield func(request) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(unwound{}) {
				panic(r)
			}
		}()
		s.yield = yield
		f(th)
	})
	return s
}

func (s *script) abandon() {
	if s != nil {
		s.stop()
	}
}

// Go makes th follow a script; it begins with the next Run. When f returns, the
// process exits with status 0. Inside f, calls return when they are done, not
// before: none is Blocked.
func (th *Thread) Go(f func(*Thread)) {
	th.setScript(newScript(th, f))
	if th.State() == proc.Running {
		th.b.Tab.Yield(th.Thread)
	}
}

func (th *Thread) setScript(s *script) {
	for len(th.scripts) <= th.level {
		th.scripts = append(th.scripts, nil)
	}
	th.scripts[th.level] = s
}

// Spawned makes the child that the next clone of th makes follow a script.
func (th *Thread) Spawned(f func(*Thread)) { th.children = f }

// inherit gives a new child its script.
func (b *Bench) inherit(th *Thread) {
	for _, parent := range b.order {
		mine := parent.Process() == th.Process() || parent.Process().PID == th.Process().Parent
		if parent != th && mine && parent.children != nil {
			th.setScript(newScript(th, parent.children))
			parent.children = nil
			return
		}
	}
}

// proceed lets the script of th's level make its next call. It reports false
// when there is none: then the test decides what th does.
func (th *Thread) proceed() bool {
	if th.entered {
		if f := th.b.programs[th.Frame.IP]; f != nil {
			th.setScript(newScript(th, f))
		}
	}
	if th.level >= len(th.scripts) || th.scripts[th.level] == nil {
		return false
	}
	s := th.scripts[th.level]
	th.entered = false
	th.inside = s
	r, ok := s.next()
	th.inside = nil
	switch {
	case ok:
	case th.level > 0:
		th.sigreturn()
		return true
	default:
		r = request{nr: abi.SysExitGroup}
	}
	th.load(r.nr, r.args)
	th.b.trap(th)
	return true
}

// ask is Call from inside a script.
func (th *Thread) ask(nr int, args []any) Result {
	s, r := th.inside, request{nr: uint64(nr)}
	for i, a := range args {
		r.args[i] = th.b.word(a)
	}
	if !s.yield(r) {
		panic(unwound{})
	}
	return Result(th.Frame.AX)
}

// abandon ends all scripts of a thread that is gone.
func (th *Thread) abandon() {
	for _, s := range th.scripts {
		s.abandon()
	}
	th.scripts = nil
}
