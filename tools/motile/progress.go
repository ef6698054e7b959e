package main

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

// progress tells a person what takes so long. What is quick is done in silence.
type progress struct {
	out   io.Writer
	start time.Time

	mu    sync.Mutex
	last  string // what was said and not printed yet
	timer *time.Timer
	loud  bool // patience has ended
	over  bool
}

func newProgress(out io.Writer, what string) *progress {
	p := &progress{out: out, start: time.Now(), last: what}
	p.timer = time.AfterFunc(patience, p.beat)
	return p
}

// say reports a step. It may be called from any goroutine.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = text
	if p.loud && !p.over {
		p.print()
		p.timer.Reset(heartbeat)
	}
}

func (p *progress) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.loud = true
	p.print()
	p.timer.Reset(heartbeat)
}

func (p *progress) print() {
	fmt.Fprintf(p.out, "motile: %s (%.0f s)\n", p.last, time.Since(p.start).Seconds())
}

// end silences it.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.timer.Stop()
}
