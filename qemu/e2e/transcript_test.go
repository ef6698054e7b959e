package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"motile/qemu/harness/screen"
)

// line is a line of output, and when its last byte arrived on the host.
type line struct {
	text string
	at   time.Time
}

// transcript is what a program has printed.
type transcript struct {
	mu      sync.Mutex
	lines   []line
	partial []byte        // of a line that is not complete
	found   int           // lines before this one were seen by find
	news    chan struct{} // closed when there is more
}

func newTranscript() *transcript { return &transcript{news: make(chan struct{})} }

// Write implements io.Writer for hostio.Output.
func (tr *transcript) Write(p []byte) (int, error) {
	now := time.Now()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.partial = append(tr.partial, p...)
	for {
		text, rest, whole := strings.Cut(string(tr.partial), "\n")
		if !whole {
			break
		}
		tr.lines = append(tr.lines, line{text, now})
		tr.partial = []byte(rest)
	}
	close(tr.news)
	tr.news = make(chan struct{})
	return len(p), nil
}

// all returns the lines so far.
func (tr *transcript) all() []line {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]line(nil), tr.lines...)
}

// find waits for a line that matches, behind the one it found last.
func (tr *transcript) find(ctx context.Context, re string) ([]string, error) {
	want := regexp.MustCompile(re)
	for {
		tr.mu.Lock()
		for tr.found < len(tr.lines) {
			m := want.FindStringSubmatch(tr.lines[tr.found].text)
			tr.found++
			if m != nil {
				tr.mu.Unlock()
				return m, nil
			}
		}
		news := tr.news
		tr.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// awaitScreen waits until a terminal that has been sent all of it shows a text.
func (tr *transcript) awaitScreen(ctx context.Context, text string) error {
	for {
		tr.mu.Lock()
		var all strings.Builder
		for _, l := range tr.lines {
			all.WriteString(l.text + "\n")
		}
		all.Write(tr.partial)
		news := tr.news
		tr.mu.Unlock()
		lines := strings.Join(screen.Show(24, 80, []byte(all.String())), "\n")
		if strings.Contains(lines, text) {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("%w; the screen shows\n%s", context.Cause(ctx), lines)
		}
	}
}

// awaitLines waits until there are n lines, and reports false if the context ends
// before.
func (tr *transcript) awaitLines(ctx context.Context, n int) bool {
	for {
		tr.mu.Lock()
		have, news := len(tr.lines), tr.news
		tr.mu.Unlock()
		if have >= n {
			return true
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false
		}
	}
}

// tail is the end of the output, for a failure's report.
func (tr *transcript) tail(n int) string {
	lines := tr.all()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return stamped(lines[max(0, len(lines)-n):]) + "  " + string(tr.partial)
}

// stamped is lines with the times of their arrival.
func stamped(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("  " + l.at.Format("05.000 ") + l.text + "\n")
	}
	return b.String()
}
