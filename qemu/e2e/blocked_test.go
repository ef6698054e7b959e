package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/proc/api/client"
)

// blockedCall is a process that waits in one blocking call, and what it has said.
type blockedCall struct {
	*program
	name string
	node int
}

// block starts a process for each call. Waits with a limit last that long.
func (w *world) block(names []string, limit time.Duration) []*blockedCall {
	w.t.Helper()
	var calls []*blockedCall
	for i, name := range names {
		get := capability.Port{byte(i + 1), byte(limit / time.Second)}
		put := get.Put()
		p := w.run(1, "/test/blocked", name, fmt.Sprint(limit.Milliseconds()), fmt.Sprintf("%x", get[:]), fmt.Sprintf("%x", put[:]))
		calls = append(calls, &blockedCall{program: p, name: name, node: 1})
	}
	for _, c := range calls {
		c.await("^ready$")
		c.awaitState("S", "T")
	}
	return calls
}

// awaitState waits until ps shows one of some states.
func (p *program) awaitState(states ...string) {
	p.w.t.Helper()
	for {
		info, err := p.Info(p.w.ctx)
		p.w.must(err)
		for _, s := range states {
			if info.State == s {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// unblock ends the waits that have no limit, and collects what all say.
func (w *world) unblock(calls []*blockedCall) (said map[string][]line) {
	w.t.Helper()
	said = map[string][]line{}
	for _, c := range calls {
		switch {
		case c.name == "console":
			w.Node(1).Send("typed\r")
		case !strings.Contains(c.name, "timeout"):
			c.send("typed\n")
		}
	}
	for _, c := range calls {
		c.await("^helper")
		if status := c.end(); status != 0 {
			w.t.Errorf("%s: exit status %d", c.name, status)
		}
		said[c.name] = c.out.all()
	}
	return said
}

var waited = regexp.MustCompile(`waited (\d+) left (\d+) of (\d+) ms`)

// checkWait checks that a wait took the time it should, by the process's clock and
// by the host's.
func checkWait(t *testing.T, name string, lines []line) {
	t.Helper()
	const late = 300 * time.Millisecond
	for i, l := range lines {
		m := waited.FindStringSubmatch(l.text)
		if m == nil {
			continue
		}
		ms := func(i int) time.Duration {
			n, _ := strconv.Atoi(m[i])
			return time.Duration(n) * time.Millisecond
		}
		took, left, limit := ms(1), ms(2), ms(3)
		if sum := took + left; sum < limit-2*time.Millisecond || sum > limit+late {
			t.Errorf("%s: %s\n%s", name, l.text, stamped(lines))
		}
		// lines[0] is “ready”.
		if saw := lines[i].at.Sub(lines[0].at); saw < took-late || saw > took+late {
			t.Errorf("%s: %s, but the host saw %v", name, l.text, saw)
		}
	}
}

func masked(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(waited.ReplaceAllString(l.text, "waited") + "\n")
	}
	return b.String()
}

// A process in each blocking call is moved ten times, away from whom it waits for,
// and does not notice.
func TestMove_InEveryBlockingCall(t *testing.T) {
	t.Parallel()
	const moves = 10
	opt := unlike()
	opt.Deadline = 3 * time.Minute
	w := boot(t, opt)
	list := w.run(1, "/test/blocked", "list")
	list.end()
	var names []string
	for _, l := range list.out.all() {
		names = append(names, l.text)
	}
	if len(names) < 30 {
		t.Fatalf("%q", names)
	}
	unmoved := w.unblock(w.block(names, time.Second))
	calls := w.block(names, 25*time.Second)
	began := time.Now()
	for range moves {
		for _, c := range calls {
			c.node = next(c.node)
			if _, err := c.Migrate(w.ctx, client.Move{Target: c.node}); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	t.Logf("%d moves took %v", moves*len(calls), time.Since(began))
	for _, c := range calls {
		if n := len(c.out.all()); n != 1 {
			t.Errorf("%s ended before it had been moved %d times", c.name, moves)
		}
	}
	moved := w.unblock(calls)
	for _, name := range names {
		if got, want := masked(moved[name]), masked(unmoved[name]); got != want {
			t.Errorf("%s: said\n%sand if it is not moved\n%s", name, stamped(moved[name]), stamped(unmoved[name]))
		}
		checkWait(t, name, moved[name])
	}
	w.recordMovedIn(moves)
}
