package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"motile/qemu/harness"
)

// TestBench: the program behind make bench still works. How fast things are is not
// for a test to say: it runs beside others.
func TestBench(t *testing.T) {
	harness.Built(t)
	harness.Claim(t, 5)
	program := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-o", program, "motile/qemu/bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-short", "-json")
	cmd.Dir, cmd.Stderr = harness.Top(t), os.Stderr
	// It takes its clusters down when it is interrupted.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Rows []struct {
			Name   string
			Median float64
			N      int
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	measured := make(map[string]bool)
	for _, r := range report.Rows {
		if measured[r.Name] = r.N > 0; r.Median < 0 {
			t.Errorf("%s took %v", r.Name, r.Median)
		}
	}
	for _, name := range []string{
		"null call", "null trans, one node", "null trans, two nodes", "echo of 64 bytes, our driver",
		"echo of 64 bytes through raw FLIP", "1 MB in frames of the driver, MTU 1500", "1 MB in frames of the driver, MTU 65535",
		"move of an idle 1 MB process", "as many bytes in bulk frames",
		"HTTP request from the host, kept alive, one node", "requests to open a file of another node", "  with 100 files open",
		"prompt, nodes: 1", "prompt, nodes: 3", "idle cluster of three, of a core",
	} {
		if !measured[name] {
			t.Errorf("no row %q", name)
		}
	}
}
