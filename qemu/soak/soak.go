package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/cluster"
	"motile/tools/flipnode"
	"motile/tools/flipnode/hostio"
)

// Config of a run.
type Config struct {
	Dir            cluster.Dir // of the cluster
	Kernel, Initrd string
	Progress       string // file that remembers how far the run is; empty: none
	Seed           uint64 // of a run that has no such file
	Rounds         int    // 0: without end
	Moves          int    // end when so many have come about in the whole run; 0: never
	Say            func(format string, args ...any)
}

const (
	nodes = 3
	steps = 5 // of a round

	aimedSteps = 2 // of these

	memMB = 128
	hops  = 12 // of each process in a step, at most

	// settleTime is how long it may take until all goes on: transactions are given up after
	// ten seconds, a target waits for fifteen, and a child that no node has claimed for a minute
	// counts as killed.
	settleTime = 100 * time.Second
)

// programs are what moves about: each prints numbered lines for ever. One computes on
// memory it checks, one has threads that wait for each other, one is Go's runtime with
// its collector, one has children.
var programs = [][]string{
	{"/test/ticker", "20", "256"},
	{"/test/threads", "1000000", "20"},
	{"/test/counter", "0", "20"},
	// A child may be lost with the node where the shell has left it.
	{"/bin/sh", "-c", "exec 2>/dev/null; i=0; while :; do sleep 0.02; i=$((i+1)); echo $i; done"},
	{"/test/ticker", "5", "16"},
}

// progress is what the file remembers.
type progress struct {
	Seed  uint64 `json:"seed"`
	Round int    `json:"round"` // the next one
	Tally Tally  `json:"tally"`
}

// Run soaks until it has made its rounds or moves, something is wrong, or ctx ends,
// which is no error. It returns what the whole run has come to, with what the file
// remembers of it.
func Run(ctx context.Context, conf Config) (Tally, error) {
	at := progress{Seed: conf.Seed}
	if text, err := os.ReadFile(conf.Progress); conf.Progress != "" && err == nil {
		if err := json.Unmarshal(text, &at); err != nil {
			return at.Tally, fmt.Errorf("%s: %w: remove it to begin anew", conf.Progress, err)
		}
	}
	s := &soak{conf: conf, tally: at.Tally, cut: make(map[int]bool)}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return s.tally, err
	}
	for n := 0; (conf.Rounds == 0 || n < conf.Rounds) && (conf.Moves == 0 || s.tally.Moves < conf.Moves); n++ {
		conf.Say("seed %d round %d: %d moves so far", at.Seed, at.Round, s.tally.Moves)
		s.rng = rand.New(rand.NewPCG(at.Seed, uint64(at.Round)))
		if err := s.round(ctx); ctx.Err() != nil {
			return s.tally, nil
		} else if err != nil {
			return s.tally, fmt.Errorf("seed %d, round %d: %w\n%v\n%s", at.Seed, at.Round, err, s.tally, s.everybody(ctx)+s.consoles())
		}
		at.Round++
		at.Tally = s.tally
		if conf.Progress != "" {
			text, err := json.Marshal(at)
			if err != nil {
				return s.tally, err
			}
			if err := os.WriteFile(conf.Progress, append(text, '\n'), 0o644); err != nil {
				return s.tally, err
			}
		}
	}
	conf.Say("%v", s.tally)
	return s.tally, nil
}

type soak struct {
	conf      Config
	cluster   *cluster.Cluster
	flip      *flipnode.Node
	rng       *rand.Rand
	processes []*process   // by program; nil: lost, to be started again
	cut       map[int]bool // nodes that have lost their power
	tally     Tally
}

// process is one that prints numbered lines.
type process struct {
	*client.Process
	Lines
	node int // where it is
}

func (s *soak) open(ctx context.Context) (err error) {
	s.cluster, err = cluster.Open(s.conf.Dir, cluster.Config{Kernel: s.conf.Kernel, Initrd: s.conf.Initrd})
	if err != nil {
		return err
	}
	specs := make([]cluster.NodeSpec, nodes)
	for i := range specs {
		specs[i].MemMB = memMB
	}
	if _, err := s.cluster.Add(ctx, specs, nil); err != nil {
		return err
	}
	s.flip, err = flipnode.Dial(s.cluster.HostSocket())
	return err
}

func (s *soak) close() {
	if s.flip != nil {
		s.flip.Close()
	}
	if s.cluster != nil {
		s.cluster.Close()
	}
}

// start starts a process in the place of one that is lost, or has not been.
func (s *soak) start(ctx context.Context, i int) error {
	p := new(process)
	out, err := hostio.NewOutput(s.flip, p)
	if err != nil {
		return err
	}
	p.node = 1 + s.rng.IntN(nodes)
	at := out.Address()
	file := api.FileRef{Address: at[:], Path: "output", Flags: 1}
	pid, err := s.cluster.Client().Node(p.node).Exec(ctx, &api.ExecRequest{
		Path: programs[i][0], Args: programs[i], Cwd: "/", Detached: true,
		Files: []api.FileRef{{Path: "/dev/null"}, file, file},
	})
	if err != nil {
		return err
	}
	p.Process = s.cluster.Client().Process(pid)
	s.processes[i] = p
	s.conf.Say("  process %d (%s) on node %d", pid, programs[i][0], p.node)
	return nil
}

// round is a few steps, each with a fault of its own: some with one that is aimed.
func (s *soak) round(ctx context.Context) error {
	if s.processes == nil {
		s.processes = make([]*process, len(programs))
	}
	for n := range steps {
		for i, p := range s.processes {
			if p == nil {
				if err := s.start(ctx, i); err != nil {
					return err
				}
			}
		}
		strike := s.roam
		if n < aimedSteps {
			strike = s.aimed
		}
		dead, err := strike(ctx)
		if err != nil {
			return err
		}
		if err := s.check(ctx, dead); err != nil {
			return err
		}
	}
	return nil
}

// roam moves all processes while something goes wrong.
func (s *soak) roam(ctx context.Context) (dead int, err error) {
	quiet := make(chan struct{}) // closed when nothing goes wrong any more
	over := make(chan travel, len(s.processes))
	for _, p := range s.processes {
		rng := rand.New(rand.NewPCG(s.rng.Uint64(), 0))
		go func() { over <- p.travel(ctx, rng, quiet) }()
	}
	dead, err = s.strike(ctx)
	close(quiet)
	for range s.processes {
		t := <-over
		s.tally.Asked += t.asked
		s.tally.Moves += t.moves
		s.conf.Say("  process %d moved %d times, and is on node %d: %v", t.p.PID, t.moves, t.p.node, t.err)
	}
	return dead, err
}

// check looks at all of them when nothing goes wrong any more.
func (s *soak) check(ctx context.Context, dead int) error {
	for i, p := range s.processes {
		from := p.node
		node, err := s.settle(ctx, p, dead)
		if err != nil {
			return err
		}
		if p.node = node; node == 0 {
			s.conf.Say("  process %d is lost, %d lines; it was on node %d, or on its way from there", p.PID, p.Last(), from)
			s.tally.WithNode++
			s.processes[i] = nil
		}
	}
	return nil
}

// travel is what came of a process's moves in a step.
type travel struct {
	p            *process
	asked, moves int
	err          error // that ended it
}

// strategies are how processes move: all ways but by a file server, of which there is none.
var strategies = slices.DeleteFunc(slices.Clone(client.Strategies), func(s string) bool { return s == "flush" })

// travel moves a process from node to node until a move fails, or something has gone
// wrong for long enough.
func (p *process) travel(ctx context.Context, rng *rand.Rand, quiet chan struct{}) travel {
	t := travel{p: p}
	for range hops {
		m := client.Move{Target: (p.node+rng.IntN(nodes-1))%nodes + 1, Strategy: strategies[rng.IntN(len(strategies))]}
		t.asked++
		if _, t.err = p.Migrate(ctx, m); t.err != nil {
			break
		}
		p.node = m.Target
		t.moves++
		select {
		case <-quiet:
			return t
		default:
		}
	}
	return t
}

// strike lets something go wrong for a while, and reports which node has been
// restarted, if one has.
func (s *soak) strike(ctx context.Context) (dead int, err error) {
	var f bridge.Faults
	after := time.Duration(s.rng.IntN(60)) * time.Millisecond
	lasts := time.Duration(100+s.rng.IntN(2500)) * time.Millisecond
	a := 1 + s.rng.IntN(nodes)
	b := a%nodes + 1
	f.Seed = s.rng.Uint64() | 1
	switch kind := s.rng.IntN(12); {
	case kind == 0:
		f.Partition = fmt.Sprintf("%d/%d", a, b)
	case kind == 1:
		dead = a
	case kind < 6: // nothing but many moves
	default:
		f.Loss, f.Dup, f.Reorder = 0.05*s.rng.Float64(), 0.05*s.rng.Float64(), 0.1*s.rng.Float64()
		f.Delay = time.Duration(s.rng.IntN(5)) * time.Millisecond
	}
	if err := pause(ctx, after); err != nil {
		return 0, err
	}
	s.conf.Say("  after %v: %s", after, describe(f, dead, lasts))
	if dead != 0 {
		return dead, s.restart(ctx, dead)
	}
	if _, err := s.cluster.Bridge().SetFaults(f); err != nil {
		return 0, err
	}
	if err := pause(ctx, lasts); err != nil {
		return 0, err
	}
	_, err = s.cluster.Bridge().SetFaults(bridge.Faults{})
	return 0, err
}

// restart cuts a node's power, and gives it back.
func (s *soak) restart(ctx context.Context, node int) error {
	s.tally.Cuts++
	s.cut[node] = true
	_, err := s.cluster.Restart(ctx, node, nil)
	return err
}

func describe(f bridge.Faults, dead int, lasts time.Duration) string {
	switch {
	case dead != 0:
		return fmt.Sprintf("node %d loses its power", dead)
	case f.Partition != "":
		return fmt.Sprintf("partition %s for %v", f.Partition, lasts)
	}
	return fmt.Sprintf("loss %.3f, dup %.3f, reorder %.3f, delay %v for %v", f.Loss, f.Dup, f.Reorder, f.Delay, lasts)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// everybody is all processes that nodes know, and what they depend on.
func (s *soak) everybody(ctx context.Context) (text string) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	for n := range nodes {
		list, err := s.cluster.Client().Node(n + 1).List(ctx)
		if err != nil {
			text += fmt.Sprintln(err)
		}
		for _, q := range list {
			text += fmt.Sprintf("%d (child of %d), %s %v: %s on %v %q\n", q.PID, q.Parent, q.State, q.Stun, q.Command, q.Trail, q.Residuals)
		}
	}
	return text
}

// consoles are the last lines of all of them.
func (s *soak) consoles() (text string) {
	const lines = 20
	for _, n := range s.cluster.Nodes() {
		if c, err := s.cluster.Console(n.Number); err == nil {
			text += fmt.Sprintf("node %d:\n", n.Number)
			for _, line := range c.Tail(lines) {
				text += "  " + line + "\n"
			}
		}
	}
	return text
}
