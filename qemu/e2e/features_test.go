package e2e

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"motile/migrate/checkpoint"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/harness"
	"motile/servers/cmd/operate"
)

// rewrite: go test ./qemu/e2e -run Features -rewrite writes down what passes.
var rewrite = flag.Bool("rewrite", false, "write testdata/features.txt and moved-in.txt anew")

const featuresRecord = "testdata/features.txt"

// feature is one program of qemu/guest, for one feature of the kernel.
type feature struct {
	name    string
	program string // of build/test
	calls   []string
}

var (
	declaresC  = regexp.MustCompile(`(?m)^FEATURE\("([^"]+)"\)`)
	declaresGo = regexp.MustCompile(`(?m)^const Name = "([^"]+)"`)
	proves     = regexp.MustCompile(`(?m)\A// calls:(.*)$`)
)

// features finds the programs by their sources: a program begins with the calls that it
// proves.
func features(t testing.TB) []feature {
	t.Helper()
	var found []feature
	for _, kind := range []struct {
		pattern, program string
		declares         *regexp.Regexp
	}{{"*.c", "feature", declaresC}, {"*.go", "gofeature", declaresGo}} {
		sources, err := filepath.Glob(filepath.Join(harness.Top(t), "qemu/guest/*", kind.pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range sources {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m := kind.declares.FindSubmatch(text)
			if m == nil {
				continue
			}
			calls := proves.FindSubmatch(text)
			if calls == nil {
				t.Errorf("%s does not begin with the calls that it proves", path)
				continue
			}
			found = append(found, feature{string(m[1]), kind.program, strings.Fields(string(calls[1]))})
		}
	}
	slices.SortFunc(found, func(a, b feature) int { return strings.Compare(a.name, b.name) })
	return found
}

// featuresAtLeast is how many programs there are at the least.
const featuresAtLeast = 60

// tried is a feature under an event: its process, and what came of it.
type tried struct {
	feature
	*program
	why string // it failed; empty: it has not
}

func (r *tried) failed(format string, args ...any) {
	if r.why == "" {
		r.why = fmt.Sprintf(format, args...)
	}
}

// atOnce is how many features something is done to at the same time.
const atOnce = 6

// each does something to all that have not failed, several at a time.
func each(all []*tried, do func(r *tried)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, r := range all {
		if r.why != "" {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			do(r)
			<-slots
		})
	}
	wg.Wait()
}

// awaited waits for a line, for as long as a feature may take on a bad network.
func (r *tried) awaited(re string) (string, bool) {
	ctx, cancel := context.WithTimeout(r.w.ctx, 40*time.Second)
	defer cancel()
	m, err := r.out.find(ctx, re)
	if err != nil {
		r.failed("waiting for %q: %v", re, err)
		r.w.describe(r.PID)
		return "", false
	}
	return m[0], true
}

// describe prints what a process and its children are in.
func (w *world) describe(pid int32) {
	list, err := w.client.Processes(w.ctx, []int{1, 2, 3})
	w.must(err)
	for _, info := range list {
		if info.PID != pid && info.Parent != pid {
			continue
		}
		w.t.Logf("process %d, child of %d, is %s on node %d", info.PID, info.Parent, info.State, info.Node)
		snap, err := w.client.Process(info.PID).Snapshot(w.ctx, true)
		if err != nil {
			w.t.Log(err)
			continue
		}
		snap.Drop(w.ctx)
		d := operate.NewDump(snap.Descriptor)
		w.t.Logf("signals %v, children %v", d.Signals, d.Children)
		for _, t := range d.Threads {
			w.t.Logf("thread %d: ip %#x, call %q, below %q, signals %v", t.TID, t.IP, t.Call, t.Below, t.Signals)
		}
	}
}

// try runs programs of features, and has an event happen to them in the middle.
func (w *world) try(fs []feature, e event) []*tried {
	var all []*tried
	for i, f := range fs {
		all = append(all, &tried{feature: f, program: w.runShaken(i%3+1, e.shake, "/test/"+f.program, f.name)})
	}
	verdict := func(r *tried, re string) {
		if said, ok := r.awaited(re); ok && strings.HasPrefix(said, "FAIL") {
			r.failed("%s", said)
		}
	}
	each(all, func(r *tried) { verdict(r, "^ready$|^FAIL.*") })
	e.happen(w, all)
	each(all, func(r *tried) {
		if _, err := r.in.WriteString("go\n"); err != nil {
			r.failed("%v", err)
		}
		verdict(r, "^pass$|^FAIL.*")
	})
	each(all, func(r *tried) {
		ctx, cancel := context.WithTimeout(w.ctx, endsWithin)
		defer cancel()
		status, err := r.Wait(ctx)
		if err != nil || status != 0 {
			r.failed("it ended with status %#x, %v", status, err)
		}
	})
	for _, r := range all {
		if r.why != "" {
			w.t.Logf("%s printed:\n%s", r.name, r.out.tail(12))
		}
		r.ended = true
		_ = r.Destroy(w.ctx)
	}
	return all
}

// event is something that happens to a process.
type event struct {
	name   string
	happen func(w *world, all []*tried)
	shake  *api.Shake
	// together is how many programs it happens to at the same time; 0: to all.
	together int
}

var events = []event{
	{name: "nothing", happen: func(*world, []*tried) { time.Sleep(300 * time.Millisecond) }},
	{name: "move", happen: func(w *world, all []*tried) { w.moveAll(all, 1, "") }},
	{name: "ten-moves", happen: func(w *world, all []*tried) { w.moveAll(all, 10, "") }},
	{name: "strategies", happen: func(w *world, all []*tried) {
		var servers []*program
		for node := range 3 { // flush needs one that is on another node than the process
			p, _ := w.bulletOf(node + 1)
			servers = append(servers, p)
		}
		for _, how := range client.Strategies {
			w.moveAll(all, 1, how)
		}
		for _, p := range servers {
			p.ended = true
			w.must(p.Destroy(w.ctx))
		}
	}},
	{name: "move-under-loss", happen: func(w *world, all []*tried) {
		w.wire(bridge.Faults{Loss: 0.05, Dup: 0.05})
		w.moveAll(all, 2, "")
		w.wire(bridge.Faults{})
	}},
	{name: "restart", happen: func(w *world, all []*tried) {
		each(all, func(r *tried) {
			if err := r.restart(); err != nil {
				r.failed("%v", err)
			}
		})
	}},
	{name: "shake", happen: shaken, shake: &api.Shake{Every: 25, By: api.ShakeByBoth, Seed: 1}, together: 25},
}

// restart makes a checkpoint of the process, kills it, and makes a process of the
// checkpoint on another node.
func (r *tried) restart() error {
	info, err := r.Info(r.w.ctx)
	if err != nil {
		return err
	}
	snap, err := r.Snapshot(r.w.ctx, manners[r.name].residual)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	var salt [32]byte
	copy(salt[:], r.name)
	out, err := checkpoint.NewWriter(&file, &r.w.key, salt, snap.Descriptor, checkpoint.Options{})
	if err == nil {
		err = snap.Write(r.w.ctx, out, true, nil)
	}
	snap.Drop(r.w.ctx)
	if err == nil {
		err = out.Close()
	}
	if err == nil {
		err = r.Destroy(r.w.ctx)
	}
	if err != nil {
		return err
	}
	c, err := checkpoint.Open(bytes.NewReader(file.Bytes()), &r.w.key)
	if err != nil {
		return err
	}
	reply, err := r.w.client.Node(next(info.Node)).Restart(r.w.ctx, c, api.ExecRequest{Detached: true, Stdio: r.files}, nil)
	if err != nil {
		return err
	}
	r.Process = r.w.client.Process(reply.PID)
	return nil
}

// shaken waits until each process has been moved, or written down and made anew, at some
// points of its life.
func shaken(w *world, all []*tried) {
	const points = 4
	each(all, func(r *tried) {
		ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
		defer cancel()
		for {
			info, err := r.Info(ctx)
			switch {
			case err != nil:
				r.failed("it is shaken: %v", err)
				return
			case info.Shaken != nil && info.Shaken.Moves+info.Shaken.Restores >= points:
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

func (w *world) wire(f bridge.Faults) {
	_, err := w.Bridge().SetFaults(f)
	w.must(err)
}

// moveAll moves each process so many times by a strategy, and its children somewhere else.
func (w *world) moveAll(all []*tried, times int, strategy string) {
	for range times {
		list, err := w.client.Processes(w.ctx, []int{1, 2, 3})
		w.must(err)
		at := map[int32]api.ProcessInfo{}
		children := map[int32][]int32{}
		for _, info := range list {
			at[info.PID] = info
			children[info.Parent] = append(children[info.Parent], info.PID)
		}
		each(all, func(r *tried) {
			info, ok := at[r.PID]
			if !ok {
				r.failed("it is gone before it was moved")
				return
			}
			how := manners[r.name]
			to := next(info.Node)
			if err := w.relocate(r.PID, client.Move{Target: to, Strategy: strategy, Residual: how.residual, Tree: how.tree}); err != nil {
				r.failed("%v", err)
				return
			}
			if how.childrenStay || how.tree {
				return
			}
			for _, pid := range children[r.PID] {
				if at[pid].State != "zombie" {
					if err := w.relocate(pid, client.Move{Target: next(to), Strategy: strategy, Residual: how.residual}); err != nil && w.alive(pid) {
						r.failed("its child: %v", err)
					}
				}
			}
		})
	}
}

// relocate moves a process. On a bad wire a move may be given up, and is tried again.
func (w *world) relocate(pid int32, m client.Move) error {
	var err error
	for range 20 {
		var r api.MigrateReply
		if r, err = w.client.Process(pid).Migrate(w.ctx, m); err == nil {
			if r.Node != m.Target {
				return fmt.Errorf("process %d is on node %d after its move to %d", pid, r.Node, m.Target)
			}
			return nil
		}
		// Between fork and exec it does not move, and says so.
		if w.Bridge().Faults().Perfect() && !strings.Contains(err.Error(), "try again") && !strings.Contains(err.Error(), "shared with") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func (w *world) alive(pid int32) bool {
	info, err := w.client.Process(pid).Info(w.ctx)
	return err == nil && info.State != "zombie"
}

// Every feature works, whatever happens to the process meanwhile.
func TestFeatures(t *testing.T) {
	t.Parallel()
	all := features(t)
	if len(all) < featuresAtLeast {
		t.Fatalf("there are %d programs of features", len(all))
	}
	opt := unlike()
	opt.Deadline, opt.DiskMB = 15*time.Minute, 64
	w := boot(t, opt)
	record := map[string]string{}
	for _, e := range events {
		t.Run(e.name, func(t *testing.T) {
			outer := w.t
			w.t = t
			defer func() { w.t = outer }()
			began := time.Now()
			var apply []feature
			for _, f := range all {
				if why := manners[f.name].unless[e.name]; why != "" {
					record[f.name+" "+e.name] = "- " + why
				} else if selected(f.name) {
					apply = append(apply, f)
				}
			}
			for some := range slices.Chunk(apply, cmp.Or(e.together, len(apply)+1)) {
				for _, r := range w.try(some, e) {
					if r.why != "" {
						t.Errorf("%s: %s", r.name, r.why)
					} else {
						record[r.name+" "+e.name] = "pass"
					}
				}
			}
			t.Logf("%d features in %v", len(apply), time.Since(began).Round(time.Millisecond))
		})
	}
	if *rewrite || *only == "" && !t.Failed() {
		compareRecord(t, record)
	}
}

// only picks features: go test ./qemu/e2e -run Features -feature 'epoll|pipe'.
var only = flag.String("feature", "", "the features to try, a regular expression; default all")

func selected(name string) bool { return regexp.MustCompile("^(" + *only + ")").MatchString(name) }

// compareRecord compares what has passed with what is written down, or writes it down.
func compareRecord(t *testing.T, record map[string]string) {
	t.Helper()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(record)) {
		fmt.Fprintf(&b, "%s %s\n", k, record[k])
	}
	if *rewrite {
		if err := os.WriteFile(featuresRecord, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(featuresRecord)
	if err != nil || string(want) != b.String() {
		t.Errorf("%s is not what came out (%v); write it anew with -rewrite, and read the difference:\n%s", featuresRecord, err, b.String())
	}
}

// The programs are right about Linux: they pass on the host's.
func TestFeatures_OnTheHost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	t.Parallel()
	harness.Built(t)
	for _, f := range features(t) {
		if why := manners[f.name].motileOnly; why != "" || !selected(f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(harness.Top(t), "build/test", f.program)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, path, f.name)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			// Its children too.
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
			out := newTranscript()
			cmd.Stdout, cmd.Stderr = out, out
			cmd.WaitDelay = time.Second
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.find(ctx, "^ready$"); err == nil {
				time.Sleep(150 * time.Millisecond)
				_, _ = in.Write([]byte("go\n"))
			}
			if err := cmd.Wait(); err != nil || !strings.HasSuffix(out.tail(1), " pass\n  ") {
				t.Errorf("%v; it printed:\n%s", err, out.tail(10))
			}
		})
	}
}
