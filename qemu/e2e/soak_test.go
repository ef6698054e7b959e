package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/harness"
	"motile/qemu/soak"
)

// A little of what make soak does without end.
func TestSoak_Short(t *testing.T) {
	t.Parallel()
	kernel, initrd := harness.Built(t)
	harness.Claim(t, 3)
	dir, err := os.MkdirTemp("", "mt")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 4*time.Minute, context.DeadlineExceeded)
	defer cancel()
	tally, err := soak.Run(ctx, soak.Config{Dir: cluster.Dir(dir), Kernel: kernel, Initrd: initrd, Seed: 3, Rounds: 2, Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal(context.Cause(ctx))
	}
	if tally.Moves < 20 {
		t.Errorf("only %d moves: %v", tally.Moves, tally)
	}
}
