package group

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"motile/ipc/flip"
	"motile/ipc/std"
)

// TestScripts runs the histories in testdata. Each command prints what it caused,
// message by message. After a change that is meant: go test ./ipc/group -rewrite, and
// read the difference.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.run(t, d)
		})
		if s.w != nil {
			check(t, s.w)
		}
	})
}

// script is the world of one file.
type script struct {
	w     *world
	procs map[string]*proc
	moved map[string]moving
	drops map[string]int
	out   strings.Builder
	flip  bool // show FLIP's own frames too
}

type moving struct {
	state []byte
	from  *node
	old   *Member
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	name := ""
	if len(d.CmdArgs) > 0 {
		name = d.CmdArgs[0].Key
	}
	p := s.procs[name]
	switch d.Cmd {
	case "nodes":
		s.begin(arg(d, "n", 3))
		s.flip = d.HasArg("flip")
	case "create":
		p = s.spawn(d, name)
		params := Params{Resilience: arg(d, "resilience", 0), MaxGroup: 4, LogBuffers: arg(d, "lognbuf", 5), LogMaxMessage: 14, Large: 10_000}
		if st := p.create(params); st != std.OK {
			t.Fatal(st)
		}
	case "join":
		p = s.spawn(d, name)
		p.join()
	case "send":
		text := d.CmdArgs[1].Key
		p.do(func() { p.sendLong(text, arg(d, "pad", 0)) })
	case "run":
		span, err := time.ParseDuration(name)
		if err != nil {
			t.Fatal(err)
		}
		s.w.run(int64(span))
	case "drop":
		s.drops[name] += arg(d, "n", 1)
	case "freeze":
		p.freeze()
		s.moved[name] = moving{p.export(), p.node, p.mb}
	case "thaw":
		p.thaw()
	case "activate":
		to := s.w.nodes[arg(d, "node", 1)-1]
		m := s.moved[name]
		p.activate(to, p.importTo(to, m.state))
		m.from.m.Remove(s.w.now, m.old)
		m.from.perform()
	case "pause":
		p.paused = true
		p.mb.receivers, p.waiting = nil, false
	case "receive":
		p.paused = false
		p.do(p.receive)
	case "crash":
		s.w.nodes[arg(d, "node", 1)-1].crash()
	case "reset":
		p.do(func() { p.reset(arg(d, "nmin", 1)) })
	case "leave":
		p.do(func() { p.node.m.Leave(s.w.now, p.mb, 9) })
	case "info":
		in := p.mb.Info()
		fmt.Fprintf(&s.out, "%d members %v, this is %d, sequencer %d, next %d, %d in the history, %s\n", in.Total, in.Members, in.Index, in.Sequencer, in.Next, in.Unstable, p.mb.Phase())
	default:
		t.Fatalf("%s: no such command", d.Cmd)
	}
	for _, e := range s.w.errors {
		t.Error(e)
	}
	s.w.errors = nil
	return s.out.String()
}

func (s *script) begin(n int) {
	s.w = newWorld(1, n)
	s.procs, s.moved, s.drops = make(map[string]*proc), make(map[string]moving), make(map[string]int)
	s.w.trace = func(line string) {
		for _, quiet := range []string{"LOCATE", "HEREIS", "BUSY", "NOTHERE", "ACK"} {
			if !s.flip && strings.Contains(line, ": "+quiet+" ") && !strings.Contains(line, "got") {
				return
			}
		}
		s.out.WriteString(line + "\n")
	}
	s.w.fault = func(_ *node, m *Summary, _ *flip.Header) int {
		if what := m.Type.String(); s.drops[what] > 0 {
			s.drops[what]--
			return 0
		}
		return 1
	}
}

func (s *script) spawn(d *datadriven.TestData, name string) *proc {
	p := s.w.spawn(name, s.w.nodes[arg(d, "node", 1)-1])
	s.procs[name] = p
	return p
}

// arg is the number given as name=number, or what it is if nothing is said.
func arg(d *datadriven.TestData, name string, otherwise int) int {
	for _, a := range d.CmdArgs {
		if a.Key == name && len(a.Vals) == 1 {
			if v, err := strconv.Atoi(a.Vals[0]); err == nil {
				return v
			}
		}
	}
	return otherwise
}
