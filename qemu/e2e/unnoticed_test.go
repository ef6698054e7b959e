package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
)

// steady is a program that prints a number of lines.
type steady struct {
	name  string
	args  []string
	lines int
	mask  *regexp.Regexp // what of a line depends on the time
	beat  bool           // the lines come at regular intervals
}

// pipelines is a loop of pipelines of five processes each.
const pipelines = `i=0
while [ $i -lt 33 ]; do
	i=$((i+1))
	printf '%s\n' "$i pear" "$i apple" "$i cherry" | sort -r |
		(read first; sleep 0.05; echo "$first"; cat) | tr a-z A-Z | tr '\n' ' '
	echo "status $?"
done`

var steadies = []steady{
	{"counter", []string{"/test/counter", "77", "100"}, 77, regexp.MustCompile(`mono \d+ wall \d+`), true},
	{"threads", []string{"/test/threads", "77", "80"}, 77, regexp.MustCompile(`after \d+ ms`), true},
	{"pipelines", []string{"/bin/sh", "-c", pipelines}, 33, regexp.MustCompile(`^$`), false},
}

// travel is a move as the host saw it.
type travel struct {
	began, ended time.Time
	to           int
	report       api.MoveReport
}

// journey is a program's output, and its moves.
type journey struct {
	lines   []line
	travels []travel
}

const journeyMoves = 10

// runSteady runs a program from node 1, and moves it, if it is to, whenever it has
// printed another eleventh of its lines.
func (w *world) runSteady(s steady, moving bool) *journey {
	w.t.Helper()
	p, j := w.run(1, s.args...), new(journey)
	if moving {
		w.tour(s, p, j)
	}
	if status := p.end(); status != 0 {
		w.t.Errorf("%s: exit status %d", s.name, status)
	}
	j.lines = p.out.all()
	return j
}

// tour moves a program around while it prints.
func (w *world) tour(s steady, p *program, j *journey) {
	node := 1
	for i := range journeyMoves {
		if !p.printed(s.lines * (i + 1) / (journeyMoves + 1)) {
			w.t.Errorf("%s: it does not go on after %d moves\n%s", s.name, i, w.ps())
			return
		}
		node = next(node)
		began := time.Now()
		r, err := p.Migrate(w.ctx, client.Move{Target: node})
		if err != nil {
			w.t.Errorf("%s: move %d: %v\n%s", s.name, i+1, err, p.out.tail(8))
			return
		}
		j.travels = append(j.travels, travel{began, time.Now(), node, r.Report})
		w.moveChild(p, next(node))
	}
}

// printed waits until the program has printed a number of lines, and reports false
// if it takes too long.
func (p *program) printed(lines int) bool {
	ctx, cancel := context.WithTimeout(p.w.ctx, endsWithin)
	defer cancel()
	return p.out.awaitLines(ctx, lines)
}

// moveChild moves one of the program's children, if it has any that lives long
// enough.
func (w *world) moveChild(p *program, node int) {
	list, err := w.client.Processes(w.ctx, []int{1, 2, 3})
	if err != nil {
		w.t.Error(err)
	}
	for _, info := range list {
		if info.Parent == p.PID && info.State != "zombie" {
			// One that has ended meanwhile is looked for no longer than this.
			ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
			_, _ = w.client.Process(info.PID).Migrate(ctx, client.Move{Target: node})
			cancel()
			return
		}
	}
}

// Programs that print, compute, collect garbage, fork pipelines and have threads
// are moved around nodes that differ in everything. Their output is that of
// programs which stay, and late by no more than the moves say.
func TestMove_Unnoticed(t *testing.T) {
	opt := unlike()
	opt.Deadline, opt.Alone = 3*time.Minute, true
	w := boot(t, opt)
	host := w.watchHost()
	for _, s := range steadies {
		t.Run(s.name, func(t *testing.T) {
			was, is := w.runSteady(s, false), w.runSteady(s, true)
			if n := len(is.travels); n != journeyMoves {
				t.Fatalf("it was moved %d times", n)
			}
			checkSame(t, s, was.lines, is.lines)
			if s.beat {
				checkLateness(t, host, was.lines, is)
			}
			if s.name == "counter" {
				checkClocks(t, is.lines)
			}
		})
	}
}

// checkSame checks that two outputs are the same but for the times in them.
func checkSame(t *testing.T, s steady, want, got []line) {
	t.Helper()
	if len(want) != s.lines || len(got) != s.lines {
		t.Fatalf("%d lines if it stays, %d if it moves, want %d", len(want), len(got), s.lines)
	}
	for i := range want {
		a, b := s.mask.ReplaceAllString(want[i].text, ""), s.mask.ReplaceAllString(got[i].text, "")
		if a != b {
			t.Fatalf("line %d is %q, and if it is not moved %q", i+1, got[i].text, want[i].text)
		}
	}
}

// intervals are the times between lines.
func intervals(lines []line) (d []time.Duration) {
	for i := range lines[1:] {
		d = append(d, lines[i+1].at.Sub(lines[i].at))
	}
	return d
}

// checkLateness compares how late lines are with what the moves reported: no more
// than those of a program that stays are, the freeze, and 20 ms. What the host kept a
// node's machine waiting for a CPU is not the node's doing: it does not count.
func checkLateness(t *testing.T, host *hostWatch, stayed []line, j *journey) {
	t.Helper()
	const tolerance = 20 * time.Millisecond
	usual := intervals(stayed)
	slices.Sort(usual)
	beat := usual[len(usual)/2]
	var lateness []time.Duration
	for _, d := range usual {
		lateness = append(lateness, d-beat)
	}
	slices.Sort(lateness)
	p99 := max(lateness[len(lateness)*99/100], 0)
	t.Logf("a line every %v, p99 of lateness %v", beat, p99)
	node := 1
	for i, d := range intervals(j.lines) {
		from, to := j.lines[i].at, j.lines[i+1].at
		nodes, freeze := []int{node}, time.Duration(0)
		for _, tr := range j.travels {
			if tr.began.Before(to) && tr.ended.After(from) {
				freeze += time.Duration(tr.report.FreezeUs) * time.Microsecond
				nodes, node = append(nodes, tr.to), tr.to
			}
		}
		kept := host.kept(nodes, from, to)
		late := d - beat - kept
		if freeze > 0 {
			t.Logf("line %d: %v late, frozen for %v; the host kept it waiting for %v", i+2, late, freeze, kept)
		}
		if late > p99+freeze+tolerance || freeze > 0 && late > freeze+tolerance {
			t.Errorf("line %d is %v late: %v is usual, it was frozen for %v, and the host kept it waiting for %v",
				i+2, d-beat, p99, freeze, kept)
		}
	}
}

// checkClocks checks that neither clock of a counter steps back, nor goes its own
// way: both go on by what the host's clock does.
func checkClocks(t *testing.T, lines []line) {
	t.Helper()
	const tolerance = 150 // ms
	type clocks struct{ mono, wall, host int64 }
	var first, last clocks
	for i, l := range lines {
		var n int
		now := clocks{host: l.at.UnixMilli()}
		if k, err := fmt.Sscanf(l.text, "%d mono %d wall %d", &n, &now.mono, &now.wall); k != 3 {
			t.Fatalf("line %q: %v", l.text, err)
		}
		if i == 0 {
			first = now
		} else if now.mono < last.mono+100 || now.wall < last.wall+99 {
			t.Errorf("line %d: clocks went from %+v to %+v", n, last, now)
		}
		last = now
		passed := now.host - first.host
		for _, d := range []int64{now.mono - first.mono - passed, now.wall - now.host} {
			if d < -tolerance || d > tolerance {
				t.Errorf("line %d, %q: %d ms off the host's clocks", n, strings.TrimSpace(l.text), d)
			}
		}
	}
}
