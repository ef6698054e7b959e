package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// Nodes that are to have servers have a run server each. It spreads programs that come one
// after the other, and starts what ends again.
func TestServers_Run(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "--servers")
	c.await("three nodes known", func() bool {
		r := c.motile(nil, "sh", "2", "std status service:run")
		return r.status == 0 && strings.Count(r.out, " up ") == 3
	})
	// Each is charged for what it gets, so that three in a row get one each.
	if out := c.ok("sh", "2", "for i in 1 2 3; do on any hostname; done | sort | uniq | wc -l"); strings.TrimSpace(out) != "3" {
		t.Errorf("three programs in a row ran on %s nodes", strings.TrimSpace(out))
	}
	// What it keeps is started again, at once if it has run for a while.
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	pid := c.start(1, busybox, "sh", "-c", "echo napper always sleep 1000 >/tmp/services; exec /bbin/motiled run --services /tmp/services")
	napper := func(not int32) (found int32) {
		for _, p := range facts[[]psFacts](c, "ps") {
			if p.Command == "sleep 1000" && p.PID != not {
				found = p.PID
			}
		}
		return found
	}
	c.await("its server", func() bool { return napper(0) != 0 })
	first := napper(0)
	c.ok("migrate", fmt.Sprint(first), "3")
	c.ok("kill", "-s", "KILL", fmt.Sprint(first))
	c.await("its server again", func() bool { return napper(first) != 0 })
	if log := c.ok("logs", fmt.Sprint(pid)); !strings.Contains(log, "napper: signal: killed: it is started again") {
		t.Errorf("it says:\n%s", log)
	}
	for bad, want := range map[string]string{"x always": "line 1", "x =1 y": "condition"} {
		if r := c.motile(nil, "sh", "1", "echo '"+bad+"' >/tmp/bad; motiled run --services /tmp/bad"); r.status == 0 || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}
