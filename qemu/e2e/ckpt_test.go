package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"motile/proc/api"
)

// ckpt runs bin/ckpt, which must succeed.
func (c *motileCluster) ckpt(args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.ctx, filepath.Join(filepath.Dir(c.bin), "ckpt"), append([]string{"--dir", c.dir}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("ckpt %q: %v\n%s%s", args, err, out, &errs)
	}
	return string(out)
}

// A Go program that runs, and a checkpoint of it, looked into: goroutines by the program's
// own symbols, which come from its node or from the checkpoint. And what was said of a
// move, held against what it came to.
func TestCkpt_LooksInside(t *testing.T) {
	c := newMotile(t, 2)
	c.ok("up", "-n", "2", "-m", "112")
	pid := c.start(1, c.guest("counter"), "0", "50")
	p := fmt.Sprint(pid)
	c.await("it counts", func() bool { return c.counted(pid) > 3 })
	file := filepath.Join(t.TempDir(), "it.ckpt")
	c.ok("checkpoint", "--compress", "-o", file, p)

	for _, what := range []string{p, file} {
		out := c.ckpt("show", what)
		for _, want := range []string{"process " + p, "goroutine 1, ", "main.main", "counter", "rip ", "=> ", "syscall", "fd 1: "} {
			if !strings.Contains(out, want) {
				t.Fatalf("%q is not in what is shown of %s:\n%s", want, what, out)
			}
		}
		if strings.Contains(out, "no symbols") || strings.Contains(out, "goroutines: no") {
			t.Errorf("%s", out)
		}
		t.Logf("%.3000s", out)
	}
	if out := c.ckpt("verify", file); !strings.Contains(out, "nothing is wrong") {
		t.Error(out)
	}
	if out := c.ckpt("diff", file, p); !strings.Contains(out, " changed, ") || strings.Contains(out, "pages: 0 changed") {
		t.Error(out) // it has counted on
	}
	c.ckpt("stats", file)
	c.ckpt("mem", file)

	for i, to := range []int{2, 1, 2, 1} {
		said := facts[api.ExplainReply](c, "migrate", "--explain", p, fmt.Sprint(to))
		came := facts[api.MigrateReply](c, "migrate", p, fmt.Sprint(to))
		s, m := said.Report, came.Report
		t.Logf("move %d to node %d: %d pages, %d kB, %d B of state, frozen for %d µs were said (by %d moves), %d pages, %d kB, %d B, %d µs came",
			i, to, s.Pages, s.Bytes>>10, s.StateBytes, s.FreezeUs, said.Moves, m.Pages, m.Bytes>>10, m.StateBytes, m.FreezeUs)
		// It goes on meanwhile, and writes to some pages: its runtime's first garbage
		// collection to 65 that it had not touched.
		const touched = 128
		if len(said.Obstacles) > 0 || said.Target != to || m.Pages > s.Pages+touched || s.Pages > m.Pages+touched {
			t.Errorf("said %+v\ncame %+v", said, came)
		}
		// On a busy host one move takes ten times as long as the next.
		const unsure = 500_000
		if said.Moves > 0 && (s.FreezeUs > 20*m.FreezeUs+unsure || m.FreezeUs > 20*s.FreezeUs+unsure) {
			t.Errorf("frozen for %d µs, where %d were said", m.FreezeUs, s.FreezeUs)
		}
		if lacks := len(said.Files) > 0; lacks != (i == 0) {
			t.Errorf("move %d: files to send: %+v", i, said.Files)
		}
	}
	r := c.motile(nil, "migrate", "--explain", p, "1")
	if r.status != 1 || !strings.Contains(r.err, "on node 1 already") {
		t.Errorf("%+v", r)
	}
	var d struct{ Threads []json.RawMessage }
	if err := json.Unmarshal([]byte(c.ckpt("--json", "show", p)), &d); err != nil || len(d.Threads) == 0 {
		t.Error(err)
	}
	c.ok("kill", "-s", "KILL", p)
	c.ok("down")
}
