package nodetest

import (
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/proc/api"
)

// A node that has booted slowly is believed when it boots again, and quickly: its
// neighbours hear it, and a process can go there.
func TestReboot_QuickAfterSlow(t *testing.T) {
	w := New(t, 2, 1)
	for _, took := range []int64{5e9, 0} {
		w.Kill(2)
		w.Run(100e6)
		w.BootTakes = took
		w.Boot(2)
		w.Run(3e9)
	}
	p := w.Nodes[1].Start(threePipes)
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
	w.Move(p.Children[0].PID, 2)
	got := w.ask(w.Key.NodeCap(1), std.Header{Command: api.Stats}, nil)
	if text := string(got.Data); !strings.Contains(text, "StaleEpoch:0 ") {
		t.Errorf("node 1 takes what node 2 says for old:\n%s", text)
	}
}
