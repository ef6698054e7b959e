package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motile/ipc/sim/lab"
)

// Each mutant is compiled into the simulator by -overlay, and must be found within
// so many seeds. What it leaves behind is a script, short enough to be read, which
// goes wrong with the mutant and not without it.
const (
	mutantSeeds = "4000"
	shrinkRuns  = "2000"
	shortEvents = 100 // of many hundred: some bugs need the jitter of every frame
	shortActors = 6
)

func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the simulator anew for each mutant")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	turns := make(chan struct{}, 2) // more at once only get into each other's way
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			dir := t.TempDir()
			bin := m.build(t, root, dir)
			out, failed := simulate(t, bin, "-seeds", mutantSeeds, "-o", dir, "-shrink", shrinkRuns)
			if !failed {
				t.Fatalf("%s seeds do not find it:\n%s", mutantSeeds, out)
			}
			i := strings.LastIndex(out, "sim: ")
			t.Log(strings.TrimSpace(out[max(i, 0):]))
			scripts, _ := filepath.Glob(filepath.Join(dir, "seed_*.txt"))
			if len(scripts) != 1 {
				t.Fatalf("it has left %d scripts", len(scripts))
			}
			checkScript(t, bin, scripts[0])
		})
	}
}

// checkScript checks what shrinking has left.
func checkScript(t *testing.T, bin, file string) {
	t.Helper()
	if out, failed := simulate(t, bin, "-replay", file); !failed {
		t.Errorf("the script goes well with the mutant:\n%s", out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := lab.Parse(planOf(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if r := lab.Judge(plan); r.Broken != "" {
		t.Errorf("the script goes wrong without the mutant: %v", r.Errors)
	}
	t.Logf("%d processes, %d events:\n%s", len(plan.Actors), len(plan.Events), plan)
	if len(plan.Events) > shortEvents || len(plan.Actors) > shortActors {
		t.Errorf("%d processes and %d events are not short", len(plan.Actors), len(plan.Events))
	}
}

// build compiles the simulator with the mutant in it.
func (m *mutant) build(t *testing.T, root, dir string) (bin string) {
	t.Helper()
	file := filepath.Join(root, m.file)
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s: what the mutant replaces is there %d times:\n%s", m.file, n, m.old)
	}
	mutated := filepath.Join(dir, filepath.Base(m.file))
	write(t, mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	bin = filepath.Join(dir, "sim")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, "./tools/sim")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return bin
}

// simulate runs the simulator and reports whether a seed failed.
func simulate(t *testing.T, bin string, args ...string) (out string, failed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b, err := exec.CommandContext(ctx, bin, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%v\n%s", err, b)
	}
	return string(b), err != nil
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
