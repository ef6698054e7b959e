package lab

import (
	"fmt"
	"strconv"
	"strings"

	"motile/ipc/flip"
	"motile/ipc/sim"
)

// String writes a plan the way that Parse reads it.
func (p *Plan) String() string {
	var b strings.Builder
	line := func(words ...string) {
		for i := 0; i < len(words); i++ {
			if words[i] == "" {
				words = append(words[:i], words[i+1:]...)
				i--
			}
		}
		b.WriteString(strings.Join(words, " ") + "\n")
	}
	line("nodes", strconv.Itoa(p.Nodes))
	line("seed", strconv.FormatUint(p.Seed, 10))
	for _, n := range p.Networks {
		line("network", list(n.Nodes), num("mtu", n.MTU))
	}
	w := p.Wire
	if w != (sim.Wire{}) {
		line("wire", span("delay", w.Delay), span("jitter", w.Jitter), chance("loss", w.Loss), chance("dup", w.Dup),
			chance("reorder", w.Reorder), chance("damage", w.Damage))
	}
	if p.Strict {
		line("strict")
	}
	if p.Staff {
		line("staff")
	}
	for _, a := range p.Actors {
		line(a.Kind, a.Name, num("node", a.Node), word("port", a.Port), word("to", a.To), num("threads", a.Threads),
			span("work", a.Work), mark("upcall", a.Upcall), num("n", a.N), span("think", a.Think),
			num("send", a.Send), num("want", a.Want), span("patience", a.Patience),
			num("r", a.Resilience))
	}
	for _, e := range p.Events {
		when := "at " + duration(e.At)
		if e.Frame > 0 {
			when = "frame " + strconv.Itoa(e.Frame)
		}
		switch e.Op {
		case "crash":
			line(when, e.Op, strconv.Itoa(e.Node), span("for", e.For))
		case "cut":
			line(when, e.Op, list(e.Group), span("for", e.For))
		default:
			line(when, e.Op, e.Actor, num("node", e.Node), num("pages", e.Pages), span("build", e.Build), span("for", e.For))
		}
	}
	return b.String()
}

func word(key, v string) string {
	if v == "" {
		return ""
	}
	return key + "=" + v
}

func mark(key string, v bool) string {
	if !v {
		return ""
	}
	return key
}

func num(key string, v int) string {
	if v == 0 {
		return ""
	}
	return key + "=" + strconv.Itoa(v)
}

func chance(key string, v float64) string {
	if v == 0 {
		return ""
	}
	return key + "=" + strconv.FormatFloat(v, 'g', -1, 64)
}

func span(key string, ns int64) string {
	if ns == 0 {
		return ""
	}
	return key + "=" + duration(ns)
}

func list(ids []int) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, ",")
}

// Durations have one unit, the largest that gives a whole number.
var units = []struct {
	name string
	ns   int64
}{{"s", sim.Second}, {"ms", sim.Millisecond}, {"us", sim.Microsecond}, {"ns", 1}}

func duration(ns int64) string {
	for _, u := range units {
		if ns%u.ns == 0 {
			return strconv.FormatInt(ns/u.ns, 10) + u.name
		}
	}
	return ""
}

func parseDuration(s string) (int64, error) {
	number := strings.TrimRight(s, "munsµ")
	n, err := strconv.ParseInt(number, 10, 64)
	for _, u := range units {
		if strings.ReplaceAll(s[len(number):], "µ", "u") == u.name {
			return n * u.ns, err
		}
	}
	return 0, fmt.Errorf("%q is no duration", s)
}

// Parse reads a plan.
func Parse(text string) (*Plan, error) {
	p := &Plan{}
	for nr, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := p.parse(words); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", nr+1, line, err)
		}
	}
	return p, p.valid()
}

func (p *Plan) parse(words []string) error {
	w := &wordReader{rest: words[1:]}
	switch words[0] {
	case "nodes":
		p.Nodes = w.number()
	case "seed":
		p.Seed = uint64(w.number())
	case "network":
		n := sim.Network{Nodes: w.list(), Link: flip.Link{MTU: 1500}}
		w.options(map[string]any{"mtu": &n.MTU})
		p.Networks = append(p.Networks, n)
	case "wire":
		x := &p.Wire
		w.options(map[string]any{"delay": &x.Delay, "jitter": &x.Jitter, "loss": &x.Loss, "dup": &x.Dup,
			"reorder": &x.Reorder, "damage": &x.Damage})
	case "strict":
		p.Strict = true
	case "staff":
		p.Staff = true
	case "counter", "relay", "client", "member":
		a := Actor{Kind: words[0], Name: w.word(), Node: 1, Port: "p", Threads: 1}
		w.options(map[string]any{"node": &a.Node, "port": &a.Port, "to": &a.To, "threads": &a.Threads, "work": &a.Work,
			"upcall": &a.Upcall, "n": &a.N, "think": &a.Think, "send": &a.Send, "want": &a.Want, "patience": &a.Patience, "r": &a.Resilience})
		p.Actors = append(p.Actors, a)
	case "at", "frame":
		var e Event
		if words[0] == "at" {
			e.At = w.duration()
		} else {
			e.Frame = w.number()
		}
		switch e.Op = w.word(); e.Op {
		case "crash":
			e.Node = w.number()
		case "cut":
			e.Group = w.list()
		case "migrate", "exit", "interrupt":
			e.Actor = w.word()
		case "lose", "twice", "late", "damage":
			if e.Frame == 0 {
				return fmt.Errorf("which frame?")
			}
		default:
			return fmt.Errorf("unknown event")
		}
		w.options(map[string]any{"node": &e.Node, "for": &e.For, "pages": &e.Pages, "build": &e.Build})
		p.Events = append(p.Events, e)
	default:
		return fmt.Errorf("unknown word")
	}
	return w.err
}

// valid checks that what events and actors name is there.
func (p *Plan) valid() error {
	node := func(id int) bool { return id >= 1 && id <= p.Nodes }
	for _, a := range p.Actors {
		if !node(a.Node) {
			return fmt.Errorf("%s is on node %d, which is not there", a.Name, a.Node)
		}
	}
	for _, e := range p.Events {
		if (e.Op == "crash" || e.Op == "migrate") && !node(e.Node) {
			return fmt.Errorf("%s: there is no node %d", e.Op, e.Node)
		}
	}
	return nil
}

// wordReader takes a line apart. The first thing that goes wrong remains in err.
type wordReader struct {
	rest []string
	err  error
}

func (w *wordReader) word() string {
	if len(w.rest) == 0 {
		w.fail(fmt.Errorf("something is missing"))
		return ""
	}
	s := w.rest[0]
	w.rest = w.rest[1:]
	return s
}

func (w *wordReader) fail(err error) {
	if w.err == nil && err != nil {
		w.err = err
	}
}

func (w *wordReader) number() int {
	n, err := strconv.Atoi(w.word())
	w.fail(err)
	return n
}

func (w *wordReader) duration() int64 {
	d, err := parseDuration(w.word())
	w.fail(err)
	return d
}

func (w *wordReader) list() (ids []int) {
	for _, s := range strings.Split(w.word(), ",") {
		n, err := strconv.Atoi(s)
		w.fail(err)
		ids = append(ids, n)
	}
	return ids
}

// options reads key=value as often as there is one.
func (w *wordReader) options(into map[string]any) {
	for len(w.rest) > 0 {
		key, value, _ := strings.Cut(w.word(), "=")
		var err error
		switch v := into[key].(type) {
		case *int:
			*v, err = strconv.Atoi(value)
		case *int64:
			*v, err = parseDuration(value)
		case *float64:
			*v, err = strconv.ParseFloat(value, 64)
		case *string:
			*v = value
		case *bool:
			*v = true
		default:
			err = fmt.Errorf("unknown option %q", key)
		}
		w.fail(err)
	}
}
