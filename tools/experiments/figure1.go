package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

var figure1 = &experiment{
	name:    "figure1",
	title:   "The time of a move by size, load of the source, and place of the migration server (Steketee et al., 1996, Figure 1)",
	runs:    10,
	measure: measureFigure1,
	explain: explainFigure1,
}

// The paper's loads of the source, its two migration servers, and our two networks.
const (
	loadIdle, loadCompute, loadRPC = "idle", "compute loop", "null-RPC pair"
	inKernel, atUser, atUserIn1996 = "kernel", "user", "user, scheduled as in 1996"
	shaped, unshaped               = "10 Mbit/s", "unshaped"
)

// ethernet is the rate of the paper's network, bit/s.
const ethernet = 10e6

func measureFigure1(ctx context.Context, l *lab) error {
	f := &figure1Bench{lab: l}
	defer func() { f.setLoad(context.WithoutCancel(ctx), "") }()
	defer l.SetFaults(context.WithoutCancel(ctx), cluster.FaultChange{Heal: true})
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	defer f.setServer(context.WithoutCancel(ctx), inKernel)
	for _, server := range []string{inKernel, atUser, atUserIn1996} {
		axes := []record.Axis{
			{Name: "server", Values: []string{server}},
			{Name: "net", Values: []string{shaped, unshaped}},
			{Name: "load", Values: []string{loadIdle, loadCompute, loadRPC}},
			{Name: "kb", Values: pick(l,
				texts(0, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000),
				texts(0, 50, 100, 400, 1000),
				texts(0, 100))},
		}
		if err := f.setServer(ctx, server); err != nil {
			return err
		}
		if err := l.each(ctx, axes, f.measure); err != nil {
			return err
		}
	}
	return nil
}

// orderFor is the order to a migration server in the kernel or at user level.
func orderFor(server string) client.Move {
	m := client.Move{Target: target, Strategy: "copy"}
	if server != inKernel {
		m.Server = atUser
	}
	return m
}

// As the paper's kernel scheduled: slices of 100 ms, and a thread that a message has woken waits
// until the slice of who runs is over. Ours has it run at once, and slices of 2 ms.
var (
	schedulingOf1996 = []std.Setting{{Name: "slice_us", Value: "100000"}, {Name: "wakeup", Value: "back"}}
	schedulingNow    = []std.Setting{{Name: "slice_us", Value: "2000"}, {Name: "wakeup", Value: "front"}}
)

// setServer has the source schedule as the server wants, and starts the one at user level.
func (f *figure1Bench) setServer(ctx context.Context, server string) error {
	if server != inKernel && !f.serving {
		f.serving = true
		if err := f.Serve(ctx, []int{source}, "mover"); err != nil {
			return err
		}
	}
	settings := schedulingNow
	if server == atUserIn1996 {
		settings = schedulingOf1996
	}
	return f.Client.Object(f.Client.Node(source).Capability()).SetParams(ctx, settings)
}

// figure1Bench is the state of network and source, which change more seldom than sizes.
type figure1Bench struct {
	*lab
	net, load string
	serving   bool    // the user-level server has been started
	mbits     float64 // as measured since the network changed
	loading   []*subject
}

func (f *figure1Bench) measure(ctx context.Context, p record.Params) (m record.Measurement, err error) {
	if err := errors.Join(f.setNet(ctx, p["net"]), f.setLoad(ctx, p["load"])); err != nil {
		return m, err
	}
	s, err := f.start(ctx, source, "idle", p["kb"])
	if err != nil {
		return m, err
	}
	defer s.end(ctx)
	if m, _, err = s.move(ctx, orderFor(p["server"])); err == nil {
		m.Values["net_mbits"] = f.mbits
	}
	return m, err
}

// setNet shapes the bridge, or ends that, and measures how fast it then is: by the driver
// alone, on the way that the process will take.
func (f *figure1Bench) setNet(ctx context.Context, net string) error {
	if net == f.net {
		return nil
	}
	rate, rounds := int64(0), 200
	if net == shaped {
		rate, rounds = ethernet, 20
	}
	if err := f.SetFaults(ctx, cluster.FaultChange{Heal: true, Rate: &rate}); err != nil {
		return err
	}
	var all testbed.Sample
	for range speedsTaken {
		// Two frames of the largest size at a time: what may wait at a shaped port is little.
		bits, err := f.Speed(ctx, source, target, rounds, 2, 9000)
		if err != nil {
			return err
		}
		all = append(all, bits/1e6)
	}
	f.net, f.mbits = net, all.Median()
	return nil
}

// speedsTaken is how often the network's speed is measured when it has changed.
const speedsTaken = 5

// calm is how long a load of the source runs before it counts.
const calm = 300 * time.Millisecond

// pairPeriod: the paper's pair made some 100 null RPCs a second.
const pairPeriod = 10 * time.Millisecond

func (f *figure1Bench) setLoad(ctx context.Context, load string) error {
	if load == f.load {
		return nil
	}
	for _, s := range f.loading {
		if err := s.end(ctx); err != nil {
			return err
		}
	}
	f.loading, f.load = nil, load
	get := port("figure1")
	var programs [][]string
	switch load {
	case loadCompute:
		programs = [][]string{{"calls", "compute", "1"}}
	case loadRPC:
		programs = [][]string{
			{"worker", "hold", "-port", get.String()},
			{"worker", "poll", "-port", get.Put().String(), "-every", strconv.Itoa(int(pairPeriod.Microseconds())), "-most", "0"},
		}
	default:
		return nil
	}
	for _, words := range programs {
		s, err := f.start(ctx, source, words[0], words[1:]...)
		if err != nil {
			return err
		}
		f.loading = append(f.loading, s)
	}
	return pause(ctx, calm)
}

// port is a get-port for a server of ours.
func port(name string) capability.Port {
	return capability.Port(capability.OneWay("experiments", []byte(name)))
}

// The paper's line for a server in the kernel and an idle source, in ms and KB, and what
// is asked of ours on a network as fast as that one was.
var (
	paperLine = record.Line{A: 47, B: 3.8}
	askedLine = record.Line{A: 47, B: 1.0}
)

// rateSlack is how far the shaped bridge may be off.
const rateSlack = 0.02

func explainFigure1(p *page, r *record.Record) {
	p.text(`A process that does nothing and has 0 to 1000 KB of resident anonymous memory, all of it random bytes, is moved
by the strategy "copy" from an idle node, from one on which a compute loop runs, and from one with a pair of processes that make
%d null RPCs a second: a process of its own for each move. The time is from the order's arrival at the source until
the process runs at the target. The paper had 386s of 40 MHz on a 10 Mbit/s Ethernet; the bridge is shaped to that, or not shaped.
Its developers' RPC reached 250 KB/s; its line is theirs for a server in the kernel and an idle source.`, int(time.Second/pairPeriod))
	figure1Lines(p, r)
	figure1Rivals(p, r)
	figure1Chart(p, r)
	figure1Targets(p, r)
}

func figure1Lines(p *page, r *record.Record) {
	heads := []string{"migration server", "network", "source", "a, ms", "b, ms/KB", "R²", "a, b through the medians", "100 KB, ms: median (p10–p90)", "1000 KB, ms", "n"}
	var rows [][]string
	for _, server := range r.Axis("server") {
		if why := r.All().Where("server", server).Without(); len(why) > 0 {
			rows = append(rows, []string{server, why[0]})
			continue
		}
		for _, net := range r.Axis("net") {
			for _, load := range r.Axis("load") {
				set := r.All().Where("server", server, "net", net, "load", load)
				line, ok := record.Fit(set.Points("kb", "total_ms"))
				if !ok {
					continue
				}
				rows = append(rows, []string{server, net, load,
					figure(line.A), figure(line.B), fmt.Sprintf("%.3f", line.R2), throughMedians(set, r.Axis("kb")),
					spread(set.Where("kb", "100").Sample("total_ms")), spread(set.Where("kb", "1000").Sample("total_ms")),
					strconv.Itoa(len(set.Sample("total_ms")))})
			}
		}
	}
	rows = append(rows,
		[]string{"kernel", "10 Mbit/s, 1996", "idle", "47", "3.8", "–", "–", "430", "≈ 4000", "10 each"},
		[]string{"user", "10 Mbit/s, 1996", "idle", "≈ 350", "3.8", "–", "–", "–", "–", "10 each"},
		[]string{"user", "10 Mbit/s, 1996", "compute loop", "≈ 1550", "3.8", "–", "–", "–", "–", "10 each"})
	p.text("T = a + b·m, fitted to all moves by least squares, m in KB. A fit of a small R² means nothing: one move that the host kept waiting bends it; the line through the medians is the one to read then.")
	p.table(heads, rows)
	figure1Sent(p, r)
	p.text("The server at user level is a program that carries the messages of a move from kernel to kernel, up to the commit (`motiled mover`). " +
		"A thread that a message has woken runs at once; where the source is scheduled as in 1996 (slices of 100 ms, and the woken thread waits for the end of the one that runs), " +
		"a server at user level has to wait for a compute loop again and again, as the paper's had.")
	p.text("The rows of 1996 are the paper's (§7.1): 50 ms of clock granularity, ten runs averaged; a user-level server adds about 300 ms, and about 1500 ms beside a compute loop.")
}

// figure1Sent says what moves of an idle source sent in fact: a process has a stack and its
// library's data, too, which m does not count.
func figure1Sent(p *page, r *record.Record) {
	for _, net := range r.Axis("net") {
		set := r.All().Where("server", inKernel, "net", net, "load", loadIdle)
		sent := set.Sum("sent_bytes", "state_bytes")
		for i := range sent {
			sent[i] /= 1024
		}
		least := set.Where("kb", "0").Sum("sent_bytes", "state_bytes").Median() / 1024
		if line, ok := record.Fit(sent, set.Sample("total_ms")); ok {
			p.text("%s, idle source: a process of 0 KB sends %s KB all the same, its stack, its library's data and its state. By the KB that were sent T = %s + %s m, R² %.3f.",
				net, figure(least), figure(line.A), figure(line.B), line.R2)
		}
	}
}

// throughMedians is the line through the medians of each size, which a run in which the
// host did something else does not shift.
func throughMedians(set record.Set, kbs []string) string {
	var x, y testbed.Sample
	for _, p := range curve("", set, kbs, "kb", "total_ms").Points {
		x, y = append(x, p.X), append(y, p.Y)
	}
	line, ok := record.Fit(x, y)
	if !ok {
		return "–"
	}
	return figure(line.A) + ", " + figure(line.B)
}

// rivals are the paper's table of 100 KB, ms (§7.2). Each is of its own hardware.
var rivals = []struct {
	system  string
	ms      float64
	formula string
}{
	{"Sprite", 330, "76 + 9.4 files + 0.48 file KB flushed + 0.66 KB"},
	{"Amoeba", 430, "47 + 3.8 KB"},
	{"Mach", 500, "150 + 48 n + 22.8 rr + 5.5 sr + 5.5 sor + 58 t"},
	{"V", 650, "80 + 6 KB (which gives 680)"},
	{"Charlotte", 750, "45 + 78 p + 6.1 KB + 9.9 r + 1.7 q"},
}

func figure1Rivals(p *page, r *record.Record) {
	var rows [][]string
	for _, v := range rivals {
		rows = append(rows, []string{v.system, figure(v.ms), v.formula})
	}
	for _, net := range r.Axis("net") {
		set := r.All().Where("server", inKernel, "net", net, "load", loadIdle, "kb", "100")
		rows = append(rows, []string{"Motile, " + net, spread(set.Sample("total_ms")), "above"})
	}
	p.text("A process of 100 KB, beside the systems of the paper's table, each on the hardware of its time, which says little about ours:")
	p.table([]string{"system", "ms", "T, ms"}, rows)
}

func figure1Chart(p *page, r *record.Record) {
	for _, net := range r.Axis("net") {
		c := p.chart("Move of a process, "+net, "random resident memory, KB", "time, ms")
		for _, server := range r.Axis("server") {
			for _, load := range r.Axis("load") {
				set := r.All().Where("server", server, "net", net, "load", load)
				p.draw(c, curve(load+", "+server, set, r.Axis("kb"), "kb", "total_ms"))
			}
		}
		if net == shaped {
			c.Series = append(c.Series, straight("1996: 47 + 3.8 m", paperLine, 1000), straight("asked: 47 + 1.0 m", askedLine, 1000))
			p.figure("shaped", c)
			continue
		}
		p.figure("unshaped", c)
	}
}

func figure1Targets(p *page, r *record.Record) {
	set := r.All().Where("server", inKernel, "net", shaped, "load", loadIdle)
	mbits := r.All().Where("net", shaped).Sample("net_mbits")
	slowest, fastest := mbits.Quantile(0), mbits.Quantile(1)
	p.target("the shaped bridge carries 10 Mbit/s ± 2 %", slowest >= ethernet/1e6*(1-rateSlack) && fastest <= ethernet/1e6*(1+rateSlack), mbits,
		"%.2f to %.2f Mbit/s", slowest, fastest)
	line, ok := record.Fit(set.Points("kb", "total_ms"))
	all := set.Sample("total_ms")
	if !ok {
		all = nil
	}
	p.target("`copy` on the bridge shaped to 10 Mbit/s: a ≤ 47 ms", line.A <= askedLine.A, all, "a = %s ms", figure(line.A))
	p.target("`copy` on the bridge shaped to 10 Mbit/s: b ≤ 1.0 ms/KB", line.B <= askedLine.B, all, "b = %s ms/KB", figure(line.B))
}
