package sim

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/rpc"
)

// TestScripts runs the histories in testdata. Each command prints what it caused,
// frame by frame. After a change that is meant: go test ./ipc/sim -rewrite, and
// read the difference.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.run(t, d)
		})
		if s.c != nil {
			for _, e := range s.c.Errors {
				t.Error(e)
			}
		}
	})
}

// script is the world of one file.
type script struct {
	c         *Cluster
	ledger    *Ledger
	journal   *Journal
	ports     map[string]capability.Port
	processes map[string]*Process
	copies    map[string]*rpc.Endpoint // imported, not activated
	old       map[string]*moved        // activated elsewhere, not removed
	faults    []*fault
	held      []heldFrame
	out       strings.Builder
}

type moved struct {
	from *Node
	ep   *rpc.Endpoint
}

// fault is an order about the next frames of a kind.
type fault struct {
	what   string // "flip.LOCATE", "REQUEST"
	n      int
	action string // drop, dup or hold
}

type heldFrame struct {
	from  *Node
	frame []byte
}

// run executes one command. There is one case for each; the commands with more to
// do have a method.
func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	name := ""
	if len(d.CmdArgs) > 0 {
		name = d.CmdArgs[0].Key
	}
	p := s.processes[name]
	switch d.Cmd {
	case "nodes":
		s.begin(atoi(name))
	case "counter", "client", "relay", "member":
		s.spawn(d, name)
	case "add":
		a := p.program.(*Adder)
		p.Do(func() {
			a.Ask(p, uint32(arg(d, "slot", 0)), uint64(arg(d, "n", 1)), arg(d, "send", 0), arg(d, "want", 0))
		})
	case "send":
		p.Do(func() { p.program.(*Member).Send(p, 0, arg(d, "size", 0)) })
	case "leave":
		p.Do(func() { p.program.(*Member).Leave(p) })
	case "run":
		span, err := time.ParseDuration(name)
		if err != nil {
			t.Fatal(err)
		}
		s.c.Run(int64(span))
	case "drop", "dup", "hold":
		s.faults = append(s.faults, &fault{what: name, n: arg(d, "n", 1), action: d.Cmd})
	case "release":
		for _, h := range s.held {
			s.c.Inject(h.from, 0, h.frame)
		}
		s.held = nil
	case "freeze":
		p.Freeze()
	case "import":
		s.copies[name] = p.Import(s.c.Node(arg(d, "node", 0)), p.Export())
	case "activate":
		s.old[name] = &moved{p.node, p.ep}
		p.Activate(s.nodeOf(s.copies[name]), s.copies[name])
		delete(s.copies, name)
	case "remove":
		p.RemoveFrom(s.old[name].from, s.old[name].ep)
	case "thaw": // and so abort the move, if the state is elsewhere already
		if ep := s.copies[name]; ep != nil {
			p.Drop(s.nodeOf(ep), ep)
			delete(s.copies, name)
		}
		p.Thaw()
	case "move":
		from, ep := p.node, p.ep
		p.Freeze()
		to := s.c.Node(arg(d, "node", 0))
		p.Activate(to, p.Import(to, p.Export()))
		p.RemoveFrom(from, ep)
	case "exit":
		p.Exit()
	case "crash":
		s.c.Node(atoi(name)).Crash()
	case "boot":
		s.c.Node(atoi(name)).Start()
	case "partition": // partition 1,2/3
		s.partition(name)
	case "abort":
		ok := p.node.machine.AbortTrans(s.c.Now, p.ep, uint32(arg(d, "slot", 0)))
		s.say("aborted: %v", ok)
		s.c.perform(p.node)
	case "signal":
		ok := p.node.machine.Signal(s.c.Now, p.ep, uint32(arg(d, "slot", 0)))
		s.say("signalled: %v", ok)
		s.c.perform(p.node)
	case "routes":
		s.routes(s.c.Node(atoi(name)))
	case "result":
		s.say("%v, total %d", p.program.(*Adder).Results, p.program.(*Adder).Last)
	default:
		t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
	}
	if s.out.Len() == 0 {
		return "ok"
	}
	return s.out.String()
}

func (s *script) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// begin makes a new cluster with a perfect wire.
func (s *script) begin(nodes int) {
	s.c = New(1, nodes)
	s.c.Trace = func(line string) { s.out.WriteString(line + "\n") }
	s.c.Fault = s.fault
	s.ledger = NewLedger(s.c)
	s.journal = NewJournal(s.c)
	s.ports = make(map[string]capability.Port)
	s.processes = make(map[string]*Process)
	s.copies = make(map[string]*rpc.Endpoint)
	s.old = make(map[string]*moved)
}

// fault applies the first order that is about this frame.
func (s *script) fault(from *Node, frame []byte, h *flip.Header, payload []byte) int {
	names := []string{"flip." + h.Type.String()}
	switch {
	case h.Type != flip.UniData && h.Type != flip.MultiData:
	case h.Proto == flip.ProtoGroup:
		if sum, ok := group.Summarize(payload); ok && h.Offset == 0 {
			names = append(names, sum.Type.String())
		}
	default:
		if sum, ok := rpc.Summarize(payload); ok && h.Offset == 0 {
			names = append(names, sum.Type.String())
		}
	}
	for _, f := range s.faults {
		if f.n == 0 || !strings.Contains(" "+strings.Join(names, " ")+" ", " "+f.what+" ") {
			continue
		}
		f.n--
		switch f.action {
		case "drop":
			return 0
		case "dup":
			return 2
		case "hold":
			s.held = append(s.held, heldFrame{from, frame})
			return 1
		}
	}
	return 1
}

func (s *script) port(name string) capability.Port {
	p, ok := s.ports[name]
	if !ok {
		p = capability.NewPort(s.c.rng.Uint64)
		s.ports[name] = p
		s.c.NamePort(p, name)
	}
	return p
}

// spawn starts a process of one of the four sorts.
func (s *script) spawn(d *datadriven.TestData, name string) {
	n := s.c.Node(arg(d, "node", 1))
	get := s.port(text(d, "port", "p"))
	switch d.Cmd {
	case "counter":
		work := span(d, "work", 0)
		c := &Counter{Get: get, Threads: uint32(arg(d, "threads", 1)), Ledger: s.ledger, Work: func() int64 { return work }}
		s.processes[name] = s.c.Spawn(name, n, c, d.HasArg("upcall"))
		c.Start(s.processes[name])
	case "relay":
		r := &Relay{Get: get, Put: s.port(text(d, "to", "p")).Put(), Threads: uint32(arg(d, "threads", 1))}
		s.processes[name] = s.c.Spawn(name, n, r, false)
		r.Start(s.processes[name])
	case "client":
		a := &Adder{Put: get.Put(), Ledger: s.ledger, Patience: span(d, "patience", 0)}
		if to := text(d, "to", ""); to != "" {
			a.To = s.processes[to].ep.Address()
		}
		s.processes[name] = s.c.Spawn(name, n, a, false)
	case "member":
		m := &Member{Port: get, Journal: s.journal, Threads: 1, Nmin: 2,
			Params: group.Params{Resilience: arg(d, "r", 0), MaxGroup: 8, LogBuffers: 5, LogMaxMessage: 13},
			Pause:  func() int64 { return 10 * Millisecond },
			Next:   func(int) (ok bool, think int64, size int) { return false, 0, 0 }}
		s.processes[name] = s.c.Spawn(name, n, m, false)
		m.Start(s.processes[name])
	}
}

// nodeOf returns the node on which an imported endpoint is.
func (s *script) nodeOf(ep *rpc.Endpoint) *Node {
	for _, n := range s.c.Nodes {
		if n.Up && n.machine.Has(ep) {
			return n
		}
	}
	return nil
}

func (s *script) routes(n *Node) {
	n.machine.Box().Routes(func(r flip.Route) bool {
		where := fmt.Sprintf("node %d, %d hops", r.MAC[5], r.Hops)
		switch {
		case r.Frozen:
			where = "here, frozen"
		case r.Local:
			where = "here"
		case r.Link < 0:
			where = "unknown"
		}
		s.say("%-8s epoch %d  %s", s.c.addressName(r.Addr), r.Epoch, where)
		return true
	})
}

func (s *script) partition(groups string) {
	var ids [][]int
	for _, g := range strings.Split(groups, "/") {
		var group []int
		for _, id := range strings.Split(g, ",") {
			group = append(group, atoi(id))
		}
		ids = append(ids, group)
	}
	s.c.Partition(ids...)
}

// Arguments of a command.

func text(d *datadriven.TestData, key, def string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return def
}

func arg(d *datadriven.TestData, key string, def int) int {
	if v := text(d, key, ""); v != "" {
		return atoi(v)
	}
	return def
}

func span(d *datadriven.TestData, key string, def int64) int64 {
	v, err := time.ParseDuration(text(d, key, fmt.Sprintf("%dns", def)))
	if err != nil {
		panic(err)
	}
	return int64(v)
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
