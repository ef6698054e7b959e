package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"motile/proc/api"
)

// A process that has left its memory behind, on a slow network, shows what it still needs; when
// that node dies it ends as if by SIGBUS, and one that is kept goes on from its checkpoint.
func TestReference_SourceDies(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "-m", "112")
	leave := func(pid int32, node int) {
		t.Helper()
		c.ok("bridge", "--rate", "4M")
		r := facts[api.MigrateReply](c, "migrate", "--strategy", "reference", fmt.Sprint(pid), fmt.Sprint(node))
		if r.Node != node || r.Report.Left < 500 || r.Report.LeftOn == "" || r.Report.Strategy != "reference" {
			t.Errorf("%+v", r)
		}
		if ps := c.ok("ps"); !strings.Contains(ps, "KB of memory, which are being fetched") {
			t.Errorf("ps says nothing of what is left:\n%s", ps)
		}
	}
	p := c.start(1, c.guest("ticker"), "50", "4000")
	c.await("it runs", func() bool { return strings.Contains(c.ok("logs", fmt.Sprint(p)), "5\n") })
	leave(p, 2)
	c.ok("node", "restart", "1")
	if r := c.motile(nil, "wait", fmt.Sprint(p)); !strings.Contains(r.out+r.err, "SIGBUS") && r.status != 128+7 {
		t.Errorf("%+v", r)
	}
	c.ok("bridge", "--heal")

	p = c.start(2, c.guest("ticker"), "50", "4000")
	var said lockedBuffer
	keep := c.command("checkpoint", "-o", filepath.Join(t.TempDir(), "kept.ckpt"), "--every", "2s", "--restart", fmt.Sprint(p))
	keep.Stdout, keep.Stderr = &said, &said
	if err := keep.Start(); err != nil {
		t.Fatal(err)
	}
	says := func(words string) {
		t.Helper()
		c.await(fmt.Sprintf("checkpoint says %q", words), func() bool { return strings.Contains(said.String(), words) })
	}
	says("checkpoint 2 is ")
	leave(p, 3)
	c.ok("node", "restart", "2")
	says(fmt.Sprintf("process %d has ended: its memory on node 2 is lost", p))
	c.ok("bridge", "--heal")
	says(fmt.Sprintf("what was process %d,", p))
	var next int32
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, fmt.Sprintf("what was process %d,", p)) {
			fmt.Sscanf(line, "process %d is on node", &next)
		}
	}
	c.await("it goes on", func() bool { return strings.Contains(c.ok("logs", fmt.Sprint(next)), "\n") })
	c.ok("kill", "-s", "KILL", fmt.Sprint(next))
	if err := keep.Wait(); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}
