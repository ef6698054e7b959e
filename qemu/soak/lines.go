package soak

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Lines checks the output of a process whose lines are numbered from 1, by the first
// number in them: what all of its copies write, if there should be several, goes to the
// same Lines.
type Lines struct {
	mu   sync.Mutex
	rest string // of a line
	last int
	bad  error
	news chan struct{} // closed when a line comes
}

// Write implements io.Writer.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest += string(p)
	for {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			return len(p), nil
		}
		if n, ok := number(line); (!ok || n != l.last+1) && l.bad == nil {
			l.bad = fmt.Errorf("line %q came behind %d", line, l.last)
		}
		l.last++
		l.rest = rest
		if l.news != nil {
			close(l.news)
			l.news = nil
		}
	}
}

// number is the first number in a line.
func number(line string) (n int, ok bool) {
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' }
	from := strings.IndexFunc(line, isDigit)
	if from < 0 {
		return 0, false
	}
	digits := line[from:]
	if end := strings.IndexFunc(digits, func(r rune) bool { return !isDigit(r) }); end >= 0 {
		digits = digits[:end]
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// Err is the first line that was not the next one.
func (l *Lines) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bad
}

// Last is the number of lines.
func (l *Lines) Last() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Await waits until a line comes.
func (l *Lines) Await(ctx context.Context) error {
	l.mu.Lock()
	if l.news == nil {
		l.news = make(chan struct{})
	}
	news, last := l.news, l.last
	l.mu.Unlock()
	select {
	case <-news:
		return l.Err()
	case <-ctx.Done():
		return fmt.Errorf("nothing is printed behind line %d: %w", last, context.Cause(ctx))
	}
}
