package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"motile/qemu/conformance"
	"motile/qemu/harness"
)

// sampled is how many of Go's test programs are tried here; make conformance tries all.
const sampled = 60

// Go's own test programs do what they should, and do the same when they are written
// down and made anew, and moved, again and again while they run.
func TestConformance_Sample(t *testing.T) {
	t.Parallel()
	top := harness.Top(t)
	goCommand := filepath.Join(top, "scripts/go")
	root, err := exec.Command(goCommand, "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	suite, err := conformance.Suite(filepath.Join(strings.TrimSpace(string(root)), "test"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := conformance.Frozen()
	if err != nil {
		t.Fatal(err)
	}
	programs := make(map[string]*conformance.Program)
	for i := range suite {
		programs[suite[i].Name] = &suite[i]
	}
	builder := conformance.Builder{Go: goCommand, Cache: filepath.Join(top, "build/conformance/programs")}
	exes := make(map[string]string)
	for _, name := range list.Sample(sampled) {
		p := programs[name]
		if p == nil {
			t.Fatalf("%s is in the list, and not among Go's programs", name)
		}
		if exes[name], err = builder.Build(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}

	w := boot(t, harness.Options{Nodes: 2, MemMB: 320, Deadline: 6 * time.Minute})
	bed := &conformance.Bed{Flip: w.flip, Client: w.client, Nodes: []int{1, 2}}
	next := make(chan string)
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for name := range next {
				for _, way := range []conformance.Way{conformance.Still, conformance.Shaken} {
					o, err := bed.Run(w.ctx, programs[name], exes[name], 1+worker%2, way, time.Minute)
					if err != nil || !o.OK {
						t.Errorf("%s, %s: %s %v; it printed last:\n%s", name, way, o.Why, err, o.Output)
						break
					}
				}
			}
		})
	}
	for _, name := range list.Sample(sampled) {
		next <- name
	}
	close(next)
	wg.Wait()
}
