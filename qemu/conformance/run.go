package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"motile/qemu/cluster"
	"motile/tools/flipnode"
)

// Config of a run.
type Config struct {
	Tests          string // folder of Go's test programs
	Go             string // the go command
	Dir            string // for what is built, the cluster, and the results
	Kernel, Initrd string
	List           List
	Names          []string // programs to be run; empty: all of the list
	Results        string   // file of the results, which a later run goes on with; empty: none
	MemMB          int
	Host           bool // ask the host too
	Say            func(format string, args ...any)
}

const (
	batch   = 32 // programs that a cluster runs before the next one is booted: files stay in nodes' memory
	workers = 3  // programs at a time
	nodes   = 2
)

// Result is what is known of a program.
type Result struct {
	Skip string           `json:"skip,omitempty"`
	Exe  string           `json:"exe,omitempty"` // by content, as the cache has it
	Ways map[Way]*Outcome `json:"ways,omitempty"`
}

// Results are those of a run, by name.
type Results struct {
	Kernel   string             `json:"kernel"` // what was tried, by its digest
	Programs map[string]*Result `json:"programs"`
	Wrong    []string           `json:"wrong,omitempty"` // what is wrong with the list

	tried map[string]bool // in this run, which goes on with the results of earlier ones
}

type runner struct {
	Config
	builder Builder
	results *Results
	mu      sync.Mutex // guards results
}

// Run runs programs all three ways. It fails only if it cannot go on; what programs
// came to is in the results.
func Run(ctx context.Context, conf Config) (*Results, error) {
	r := &runner{Config: conf, builder: Builder{Go: conf.Go, Cache: filepath.Join(conf.Dir, "programs")}}
	suite, err := Suite(conf.Tests)
	if err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	todo := r.choose(suite)
	for len(todo) > 0 {
		n := min(batch, len(todo))
		if err := r.batch(ctx, todo[:n]); err != nil {
			return r.results, err
		}
		todo = todo[n:]
	}
	return r.results, r.save()
}

// load takes up what has passed in a run with the same kernel.
func (r *runner) load() error {
	kernel, err := digest(r.Kernel)
	if err != nil {
		return err
	}
	r.results = &Results{Kernel: kernel, Programs: make(map[string]*Result), tried: make(map[string]bool)}
	text, err := os.ReadFile(r.Results)
	if r.Results == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var old Results
	if err := json.Unmarshal(text, &old); err != nil {
		return fmt.Errorf("%s: %w: remove it to begin anew", r.Results, err)
	}
	for name, p := range old.Programs {
		if old.Kernel != kernel {
			delete(p.Ways, Still)
			delete(p.Ways, Shaken)
		}
		for way, o := range p.Ways {
			if !o.OK { // try again
				delete(p.Ways, way)
			}
		}
		if p.Ways != nil {
			r.results.Programs[name] = p
		}
	}
	return nil
}

func (r *runner) save() error {
	if r.Results == "" {
		return nil
	}
	r.mu.Lock()
	text, err := json.MarshalIndent(r.results, "", " ")
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.Results+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(r.Results+".new", r.Results)
}

// choose holds the suite against the list, and returns the programs to be run.
func (r *runner) choose(suite []Program) (todo []*Program) {
	wanted := func(string) bool { return true }
	if len(r.Names) > 0 {
		set := make(map[string]bool)
		for _, name := range r.Names {
			set[name] = true
		}
		wanted = func(name string) bool { return set[name] }
	}
	there := make(map[string]bool)
	for i := range suite {
		p := &suite[i]
		there[p.Name] = true
		entry, listed := r.List[p.Name]
		r.results.tried[p.Name] = wanted(p.Name)
		switch {
		case !wanted(p.Name):
		case !listed:
			r.results.Wrong = append(r.results.Wrong, p.Name+" is not in the list")
		case entry.Skip != "":
			r.results.Programs[p.Name] = &Result{Skip: entry.Skip}
		default:
			todo = append(todo, p)
		}
	}
	for _, name := range r.List.Names() {
		if wanted(name) && !there[name] {
			r.results.Wrong = append(r.results.Wrong, name+" is in the list, and not in "+r.Tests)
		}
	}
	return todo
}

// result is what is known of a program that is being run.
func (r *runner) result(name string) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := r.results.Programs[name]
	if res == nil || res.Ways == nil {
		res = &Result{Ways: make(map[Way]*Outcome)}
		r.results.Programs[name] = res
	}
	return res
}

func (r *runner) note(name string, way Way, o Outcome) {
	r.mu.Lock()
	r.results.Programs[name].Ways[way] = &o
	r.mu.Unlock()
	if !o.OK {
		r.Say("%-40s %-8s FAIL %s", name, way, o.Why)
	}
}

func (r *runner) passed(name string, way Way) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.results.Programs[name].Ways[way]
	return o != nil && o.OK
}

// hostTime is how long the host took, 0 if it was not asked.
func (r *runner) hostTime(name string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.results.Programs[name].Ways[Host]; o != nil {
		return time.Duration(o.Ms) * time.Millisecond
	}
	return 0
}

// done reports whether there is nothing more to find out about a program.
func (r *runner) done(name string) bool {
	return r.known(name, Shaken) || r.known(name, Host) && !r.passed(name, Host) || r.known(name, Still) && !r.passed(name, Still)
}

func (r *runner) known(name string, way Way) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.results.Programs[name].Ways[way] != nil
}

// each does something for all programs, several at a time, until one makes it fail.
func each(ctx context.Context, some []*Program, f func(ctx context.Context, worker int, p *Program) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *Program)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for p := range next {
				if err := f(ctx, worker, p); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for _, p := range some {
		select {
		case next <- p:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// batch builds programs and runs them: on the host, and on a cluster of their own. If
// that dies, what ran then has failed, and the rest goes on on another.
func (r *runner) batch(ctx context.Context, some []*Program) error {
	exes := make(map[string]string)
	var mu sync.Mutex
	err := each(ctx, some, func(ctx context.Context, _ int, p *Program) error {
		res := r.result(p.Name)
		exe, err := r.builder.Build(ctx, p)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.note(p.Name, Host, Outcome{Why: "is not built: " + err.Error()})
			return nil
		}
		mu.Lock()
		exes[p.Name] = exe
		mu.Unlock()
		if name := filepath.Base(exe); res.Exe != name {
			r.mu.Lock()
			res.Exe, res.Ways = name, make(map[Way]*Outcome)
			r.mu.Unlock()
		}
		if r.known(p.Name, Host) || !r.Host {
			return nil
		}
		o, err := onHost(ctx, p, exe)
		if err == nil {
			r.note(p.Name, Host, o)
		}
		return err
	})
	if err != nil {
		return err
	}
	left := make([]*Program, 0, len(some))
	for _, p := range some {
		if exes[p.Name] != "" && !r.done(p.Name) {
			left = append(left, p)
		}
	}
	// Long ones first, so that the batch does not wait for the last of them.
	slices.SortStableFunc(left, func(a, b *Program) int { return cmp.Compare(r.hostTime(b.Name), r.hostTime(a.Name)) })
	for try := 0; len(left) > 0; try++ {
		err := r.onCluster(ctx, left, exes)
		if err := r.save(); err != nil {
			return err
		}
		if ctx.Err() != nil || err != nil && !errors.Is(err, errBroken) || try == 3 {
			return err
		}
		var more []*Program
		for _, p := range left {
			if !r.done(p.Name) {
				more = append(more, p)
			}
		}
		left = more
	}
	return nil
}

// onCluster runs programs on a new cluster.
func (r *runner) onCluster(ctx context.Context, some []*Program, exes map[string]string) error {
	dir := filepath.Join(r.Dir, "cluster")
	c, err := cluster.Open(cluster.Dir(dir), cluster.Config{Kernel: r.Kernel, Initrd: r.Initrd})
	if err != nil {
		return err
	}
	defer c.Close()
	specs := make([]cluster.NodeSpec, nodes)
	for i := range specs {
		specs[i].MemMB = r.MemMB
	}
	if _, err := c.Add(ctx, specs, nil); err != nil {
		return err
	}
	flip, err := flipnode.Dial(c.HostSocket())
	if err != nil {
		return err
	}
	defer flip.Close()
	bed := &Bed{Flip: flip, Client: c.Client(), Nodes: []int{1, 2}}
	err = each(ctx, some, func(ctx context.Context, worker int, p *Program) error {
		began := time.Now()
		for _, way := range []Way{Still, Shaken} {
			if r.known(p.Name, way) {
				continue
			}
			if way == Shaken && !r.passed(p.Name, Still) {
				break // there is nothing to compare it with
			}
			o, err := bed.Run(ctx, p, exes[p.Name], 1+worker%nodes, way, limit(way, r.hostTime(p.Name)))
			if errors.Is(err, errBroken) {
				o = Outcome{Why: err.Error()}
			} else if err != nil {
				return err
			}
			r.note(p.Name, way, o)
			if err != nil {
				return err
			}
		}
		if r.passed(p.Name, Shaken) {
			r.said(p.Name, time.Since(began))
		}
		return nil
	})
	if errors.Is(err, errBroken) {
		r.Say("%v; the ends of the nodes' consoles:", err)
		for n := 1; n <= nodes; n++ {
			if console, err := c.Console(n); err == nil {
				for _, line := range console.Tail(25) {
					r.Say("  node %d: %s", n, line)
				}
			}
		}
	}
	return err
}

// said says of a program that both ways went well.
func (r *runner) said(name string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.results.Programs[name].Ways[Shaken]
	r.Say("%-40s pass (%.1f s; %d moves, %d restores)", name, took.Seconds(), k.Moves, k.Restores)
}
