package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
	Say            func(format string, args ...any)
}

const (
	nodes     = 3
	processes = 2
	steps     = 5 // of a round
	memMB     = 64

	// settleTime is how long it may take until a move that was cut off is decided:
	// transactions are given up after ten seconds, and a target waits for fifteen.
	settleTime = 60 * time.Second
)

// progress is what the file remembers.
type progress struct {
	Seed  uint64 `json:"seed"`
	Round int    `json:"round"` // the next one
}

// Run soaks until it has made its rounds, something is wrong, or ctx ends, which is
// no error.
func Run(ctx context.Context, conf Config) error {
	at := progress{Seed: conf.Seed}
	if text, err := os.ReadFile(conf.Progress); conf.Progress != "" && err == nil {
		if err := json.Unmarshal(text, &at); err != nil {
			return fmt.Errorf("%s: %w: remove it to begin anew", conf.Progress, err)
		}
	}
	s := &soak{conf: conf}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return err
	}
	for n := 0; conf.Rounds == 0 || n < conf.Rounds; n++ {
		conf.Say("seed %d round %d", at.Seed, at.Round)
		s.rng = rand.New(rand.NewPCG(at.Seed, uint64(at.Round)))
		if err := s.round(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("seed %d, round %d: %w\n%s", at.Seed, at.Round, err, s.consoles())
		}
		at.Round++
		if conf.Progress != "" {
			text, _ := json.Marshal(at)
			if err := os.WriteFile(conf.Progress, append(text, '\n'), 0o644); err != nil {
				return err
			}
		}
	}
	conf.Say("%d moves, of which %d came about; %d power cuts; %d processes lost with their nodes", s.moves, s.done, s.cuts, s.lost)
	return nil
}

type soak struct {
	conf      Config
	cluster   *cluster.Cluster
	flip      *flipnode.Node
	rng       *rand.Rand
	processes []*process

	moves, done, cuts, lost int
}

// process is one that prints numbers.
type process struct {
	*client.Process
	Lines
	out  *hostio.Output
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
	p.out, p.node = out, 1+s.rng.IntN(nodes)
	at := out.Address()
	file := api.FileRef{Address: at[:], Path: "output", Flags: 1}
	pid, err := s.cluster.Client().Node(p.node).Exec(ctx, &api.ExecRequest{
		Path: "/test/ticker", Args: []string{"ticker", "20", "256"}, Cwd: "/", Detached: true,
		Files: []api.FileRef{{Path: "/dev/null"}, file, file},
	})
	if err != nil {
		return err
	}
	p.Process = s.cluster.Client().Process(pid)
	s.processes[i] = p
	s.conf.Say("  process %d on node %d", pid, p.node)
	return nil
}

// round is a few steps, each with a fault of its own.
func (s *soak) round(ctx context.Context) error {
	for len(s.processes) < processes {
		s.processes = append(s.processes, nil)
	}
	for range steps {
		for i, p := range s.processes {
			if p == nil {
				if err := s.start(ctx, i); err != nil {
					return err
				}
			}
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step moves processes while something goes wrong, and then checks all of them.
func (s *soak) step(ctx context.Context) error {
	type outcome struct {
		p   *process
		to  int
		err error
	}
	over := make(chan outcome, processes)
	for _, p := range s.processes {
		to := p.node%nodes + 1 + s.rng.IntN(nodes-1)
		to = (to-1)%nodes + 1
		s.moves++
		go func() {
			_, err := p.Migrate(ctx, client.Move{Target: to})
			over <- outcome{p, to, err}
		}()
	}
	dead, err := s.strike(ctx)
	if err != nil {
		return err
	}
	for range s.processes {
		o := <-over
		if o.err == nil {
			s.done++
		}
		s.conf.Say("  process %d to node %d: %v", o.p.PID, o.to, o.err)
	}
	for i, p := range s.processes {
		from := p.node
		node, err := s.settle(ctx, p, dead)
		if err != nil {
			return err
		}
		if p.node = node; node == 0 {
			s.conf.Say("  process %d is lost, %d lines; it was on node %d, or on its way from there", p.PID, p.Last(), from)
			s.lost++
			s.processes[i] = nil
		}
	}
	return nil
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
	switch kind := s.rng.IntN(6); kind {
	case 0:
		f.Partition = fmt.Sprintf("%d/%d", a, b)
	case 1:
		dead = a
	default:
		f.Loss, f.Dup, f.Reorder = 0.05*s.rng.Float64(), 0.05*s.rng.Float64(), 0.1*s.rng.Float64()
		f.Delay = time.Duration(s.rng.IntN(5)) * time.Millisecond
	}
	if err := pause(ctx, after); err != nil {
		return 0, err
	}
	s.conf.Say("  after %v: %s", after, describe(f, dead, lasts))
	if dead != 0 {
		s.cuts++
		_, err := s.cluster.Restart(ctx, dead, nil)
		return dead, err
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

// settle waits until a process has one copy that can run and prints, and returns
// where: 0 if it was lost with a node that has been restarted.
func (s *soak) settle(ctx context.Context, p *process, dead int) (node int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("not within "+settleTime.String()))
	defer cancel()
	for {
		copies, err := s.copies(ctx, p)
		if err != nil {
			return 0, err
		}
		running := 0
		for at, state := range copies {
			if state == "R" || state == "S" || state == "D" {
				node = at
				running++
			}
		}
		switch {
		case running > 1:
			return 0, fmt.Errorf("process %d runs twice: %v", p.PID, copies)
		case len(copies) == 0 && dead != 0:
			return 0, p.Err()
		case running == 1 && len(copies) == 1:
			if err := p.Await(ctx); err != nil {
				return 0, fmt.Errorf("process %d on node %d: %w", p.PID, node, err)
			}
			return node, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return 0, fmt.Errorf("process %d: %v: its copies by node are %v", p.PID, context.Cause(ctx), copies)
		}
	}
}

// copies asks all nodes for the state of their copies of a process. Nodes are asked
// one after the other: one that is seen twice may have moved meanwhile, so what
// looks like two copies is looked at again.
func (s *soak) copies(ctx context.Context, p *process) (states map[int]string, err error) {
	for range 3 {
		states = map[int]string{}
		for n := range nodes {
			list, err := s.cluster.Client().Node(n + 1).List(ctx)
			if err != nil {
				return nil, err
			}
			for _, q := range list {
				if q.PID == p.PID {
					states[n+1] = q.State
				}
			}
		}
		if len(states) < 2 {
			break
		}
	}
	return states, nil
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
