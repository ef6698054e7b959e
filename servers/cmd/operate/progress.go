package operate

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// patience is how long a command works before it says what it is doing.
	patience = 2 * time.Second
	// heartbeat is how often it then says at least that it is still there.
	heartbeat = 5 * time.Second
)

// Progress tells a person what takes so long. What is quick is done in silence.
type Progress struct {
	out   io.Writer
	start time.Time

	mu    sync.Mutex
	last  string // what was said and not printed yet
	timer *time.Timer
	loud  bool // patience has ended
	over  bool
}

// NewProgress is silent for a while.
func NewProgress(out io.Writer, what string) *Progress {
	p := &Progress{out: out, start: time.Now(), last: what}
	p.mu.Lock() // on a slow host patience may end at once
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(patience, p.beat)
	return p
}

// Say reports a step. It may be called from any goroutine.
func (p *Progress) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = text
	if p.loud && !p.over {
		p.print()
		p.timer.Reset(heartbeat)
	}
}

// Note has the next heartbeat say something.
func (p *Progress) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = text
}

func (p *Progress) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.loud = true
	p.print()
	p.timer.Reset(heartbeat)
}

func (p *Progress) print() {
	fmt.Fprintf(p.out, "motile: %s (%.0f s)\n", p.last, time.Since(p.start).Seconds())
}

// End silences it.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.timer.Stop()
}
