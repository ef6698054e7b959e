package object

import "motile/kernel/wait"

// End is the end of a process, wherever that is, for those who wait for it by a
// descriptor. All pidfds of a node for one process share it.
type End struct {
	PID  int32
	Over bool
	// Heard: it is over, but for the news that its parent has to get first.
	Heard bool
	// Dropped is called when the last descriptor has gone.
	Dropped func(*End)

	refs  int
	queue wait.Queue
}

// Retain adds a reference.
func (e *End) Retain() { e.refs++ }

// Happened wakes those who wait.
func (e *End) Happened() {
	e.Over = true
	e.queue.Wake(uint32(In | RdNorm))
}

// Pidfd is a descriptor for a process (pidfd_open(2)): it becomes readable when that
// ends, and holds one reference of its End.
type Pidfd struct {
	stream
	End *End
}

func (p *Pidfd) Queue() *wait.Queue { return &p.End.queue }

func (p *Pidfd) Stat() Stat { return Stat{Mode: 0o600, Nlink: 1} }

func (p *Pidfd) Ready(*File) Events {
	if p.End.Over {
		return In | RdNorm
	}
	return 0
}

func (p *Pidfd) Close(*File) {
	if p.End.refs--; p.End.refs == 0 && p.End.Dropped != nil {
		p.End.Dropped(p.End)
	}
}
