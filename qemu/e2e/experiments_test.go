package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"motile/proc/api/client"
	"motile/qemu/harness"
)

// TestExperiments: the program behind make experiments runs each to its end, on one
// cluster, and leaves records with all that the document needs. What the figures are is
// not for a test to say: it runs beside others.
func TestExperiments(t *testing.T) {
	harness.Built(t)
	harness.Claim(t, 3)
	dir := t.TempDir()
	program := filepath.Join(t.TempDir(), "experiments")
	if out, err := exec.Command("go", "build", "-o", program, "motile/tools/experiments").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-once", "-o", dir)
	cmd.Dir, cmd.Stderr = harness.Top(t), os.Stderr
	// It takes its cluster down when it is interrupted.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	moved := []string{"total_ms", "freeze_ms", "sent_bytes"}
	for _, e := range []struct {
		name string
		// values are what each measurement of it has, for a strategy that was carried out
		values []string
		few    int // measurements that there are at least
	}{
		{"figure1", append(moved, "net_mbits"), 12},
		{"strategies", append(moved, "wire_bytes", "rounds", "first_output_ms", "gap_ms", "touch_before_ms", "touch_after_ms"), 1},
		{"sprite", nil, 6},
		{"client", append(moved, "unmoved_gap_ms", "moved_gap_ms", "moved_p99_ms"), 1},
		{"chain", moved, 6},
		{"many", nil, 2},
		{"speed", append(moved, "bulk_ms"), 3},
	} {
		r := experimentRecord(t, dir, e.name)
		whole := 0
		for _, m := range r.Measurements {
			switch {
			case m.Without != "":
				t.Logf("%s %v: %s", e.name, m.Params, m.Without)
				if m.Params["strategy"] == "copy" {
					t.Errorf("%s: copy was not carried out", e.name)
				}
				continue
			case len(m.Values) == 0:
				t.Errorf("%s %v: neither values nor why there are none", e.name, m.Params)
			}
			whole++
			for _, name := range e.values {
				if v, ok := m.Values[name]; !ok || v < 0 {
					t.Errorf("%s %v: %s is %v", e.name, m.Params, name, v)
				}
			}
		}
		if whole < e.few {
			t.Errorf("%s: %d measurements, want %d", e.name, whole, e.few)
		}
		for _, a := range r.Axes {
			if a.Name == "strategy" && !slices.Equal(a.Values, client.Strategies) {
				t.Errorf("%s: strategies %v, there are %v", e.name, a.Values, client.Strategies)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "EXPERIMENTS.md"))
	if err != nil || strings.Contains(string(text), "no record of it yet") {
		t.Errorf("%v; the document lacks an experiment", err)
	}
}

// experimentResult is what a program that has never seen our packages reads.
type experimentResult struct {
	Axes []struct {
		Name   string
		Values []string
	}
	Measurements []struct {
		Params  map[string]string
		Values  map[string]float64
		Without string
	}
}

func experimentRecord(t *testing.T, dir, name string) (r experimentResult) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
