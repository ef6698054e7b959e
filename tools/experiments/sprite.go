package main

import (
	"context"
	"fmt"
	"strconv"

	"motile/proc/api/client"
	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

var sprite = &experiment{
	name:    "sprite",
	title:   "Sprite's table: what a move is made of, and running a program elsewhere (Douglis and Ousterhout, 1991)",
	runs:    10,
	files:   true,
	measure: measureSprite,
	explain: explainSprite,
}

// What is moved or started.
const caseFiles, caseDirty, caseExec = "open files", "dirty KB", "fork, exec, exit"

// Ways to start a program. The second one has nowhere to move: what it takes is what the
// command by which one goes elsewhere takes itself.
const (
	execHere  = "here"
	execBy    = "here, by on"
	execThere = "on another node, by on"
	execAsked = "on another node, by its process server"
)

// shortest is a program that ends at once.
const shortest = "/bin/busybox"

func measureSprite(ctx context.Context, l *lab) error {
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	files := pick(l, texts(0, 1, 2, 5, 10, 20, 50), texts(0, 1, 10, 50), texts(0, 2))
	most := files[len(files)-1]
	if _, err := l.Run(ctx, source, "/test/bench", "make", filesAt, most); err != nil {
		return err
	}
	strategy := record.Axis{Name: "strategy", Values: client.Strategies}
	err := l.each(ctx, []record.Axis{{Name: "case", Values: []string{caseFiles}}, {Name: "n", Values: files}, strategy},
		func(ctx context.Context, p record.Params) (record.Measurement, error) {
			return l.moveOne(ctx, p["strategy"], "bench", "hold", filesAt, p["n"])
		})
	if err != nil {
		return err
	}
	sizes := pick(l, texts(0, 100, 250, 500, 1000, 2000), texts(0, 250, 1000), texts(0, 100))
	err = l.each(ctx, []record.Axis{{Name: "case", Values: []string{caseDirty}}, {Name: "n", Values: sizes}, strategy},
		func(ctx context.Context, p record.Params) (record.Measurement, error) {
			return l.moveOne(ctx, p["strategy"], "idle", p["n"])
		})
	if err != nil {
		return err
	}
	return l.each(ctx, []record.Axis{{Name: "case", Values: []string{caseExec}}, {Name: "where", Values: []string{execHere, execBy, execThere, execAsked}}}, l.exec)
}

// moveOne starts a program, and moves it.
func (l *lab) moveOne(ctx context.Context, strategy, program string, args ...string) (m record.Measurement, err error) {
	s, err := l.start(ctx, source, program, args...)
	if err != nil {
		return m, err
	}
	defer s.end(ctx)
	m, report, err := s.move(ctx, client.Move{Target: target, Strategy: strategy})
	if err == nil && report.Left > 0 {
		err = s.settled(ctx) // else it would take some of the next one's time
	}
	return m, err
}

// exec runs the shortest program from a process on the source, there or elsewhere.
func (l *lab) exec(ctx context.Context, p record.Params) (m record.Measurement, err error) {
	how, command := []string{"exec", "1"}, []string{shortest, "true"}
	switch p["where"] {
	case execAsked:
		how = []string{"remote", "1", strconv.Itoa(target)}
	case execBy:
		command = append([]string{"/bbin/on", strconv.Itoa(source)}, command...)
	case execThere:
		command = append([]string{"/bbin/on", strconv.Itoa(target)}, command...)
	}
	took, err := l.Numbers(ctx, "worker", append(how, command...)...)
	if err != nil {
		return m, err
	}
	m.Values = record.Values{"exec_ms": took.Median() / 1e6}
	return m, nil
}

// Sprite's figures, ms, on SPARCstations 1 and a 10 Mbit/s Ethernet (Douglis and
// Ousterhout, 1991).
const (
	spriteNull, spriteFile, spriteKB = 76, 9.4, 0.66
	spriteExecThere, spriteExecHere  = 81, 46
	spriteSelect                     = 36
)

// execSlack is how many times as long exec may take at another node.
const execSlack = 1.5

func explainSprite(p *page, r *record.Record) {
	p.text(`A C program without memory of its own is moved; a Go program that has files of a file server on a third node open; and the C program with random
memory, all of it dirty. Slopes are those of a line fitted to all moves of a kind. For exec-time migration a process forks, its child calls
exec of busybox's "true", and that exits; elsewhere is the shell's command %s NODE, whose process, a Go program, moves while it is small and then calls exec: Sprite's way. Told to
stay where it is, it shows what it takes itself. Amoeba's way is to ask that node's process server: it makes the process, which is nobody's child and has
no descriptors but those it is given, and says when it has ended: three transactions.
Sprite's figures are from other machines and another network, so the shapes compare and the values do not. Nothing here chooses a host by itself
(%s asks the run server for one, which is no selection by idle time), so that has no figure.`, "`on`", "`on any`")
	heads := []string{"what", "Sprite, ms"}
	for _, name := range r.Axis("strategy") {
		heads = append(heads, "`"+name+"`, ms")
	}
	row := func(what, theirs string, cell func(strategy string) string) []string {
		cells := []string{what, theirs}
		for _, name := range r.Axis("strategy") {
			cells = append(cells, cell(name))
		}
		return cells
	}
	set := r.All()
	slope := func(kind string) func(string) string {
		return func(name string) string {
			line, ok := record.Fit(set.Where("case", kind, "strategy", name).Points("n", "total_ms"))
			if !ok {
				return "–"
			}
			return fmt.Sprintf("%s (R² %.2f)", figure(line.B), line.R2)
		}
	}
	null := func(name string) testbed.Sample {
		return set.Where("case", caseDirty, "n", "0", "strategy", name).Sample("total_ms")
	}
	p.table(heads, [][]string{
		row("null migration", figure(spriteNull), func(name string) string { return spread(null(name)) }),
		row("  of a Go program, without files", "–", func(name string) string {
			return spread(set.Where("case", caseFiles, "n", "0", "strategy", name).Sample("total_ms"))
		}),
		row("per open file", figure(spriteFile), slope(caseFiles)),
		row("per dirty KB", figure(spriteKB), slope(caseDirty)),
		row("host selection and release", figure(spriteSelect), func(string) string { return "–" }),
	})
	here := set.Where("case", caseExec, "where", execHere).Sample("exec_ms")
	by := set.Where("case", caseExec, "where", execBy).Sample("exec_ms")
	there := set.Where("case", caseExec, "where", execThere).Sample("exec_ms")
	asked := set.Where("case", caseExec, "where", execAsked).Sample("exec_ms")
	p.table([]string{"fork, exec and exit", "Sprite, ms", "Motile, ms: median (p10–p90)", "n"}, [][]string{
		{execHere, figure(spriteExecHere), spread(here), strconv.Itoa(len(here))},
		{"here, by `on`", "–", spread(by), strconv.Itoa(len(by))},
		{"on another node, by `on`", figure(spriteExecThere), spread(there), strconv.Itoa(len(there))},
		{execAsked, "–", spread(asked), strconv.Itoa(len(asked))},
		{"ratio to here, by `on`", figure(float64(spriteExecThere) / spriteExecHere), figure(there.Median() / here.Median()), ""},
		{"ratio to here, by the process server", "–", figure(asked.Median() / here.Median()), ""},
	})
	p.excuses(r, "strategy")
	for _, c := range []struct{ name, kind, x string }{{"files", caseFiles, "open files"}, {"dirty", caseDirty, "dirty memory, KB"}} {
		chart := p.chart("Move by "+c.x, c.x, "time, ms")
		for _, name := range r.Axis("strategy") {
			p.draw(chart, curve(name, set.Where("case", c.kind, "strategy", name), r.Axis("n"), "n", "total_ms"))
		}
		p.figure(c.name, chart)
	}
	for _, way := range []struct {
		by   string
		took testbed.Sample
	}{{"by its process server", asked}, {"by `on`, a move and exec", there}} {
		p.target("exec at another node ≤ 1.5 × local fork+exec+exit; "+way.by, way.took.Median() <= execSlack*here.Median(), way.took, "%s ×", figure(way.took.Median()/here.Median()))
	}
}
