package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/qemu/harness"
)

// A server that a user has started answers all the standard commands, wherever it is,
// and so does the kernel, asked from a shell.
func TestStd_EveryServer(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 2 * time.Minute})
	shelf := w.run(1, "/test/shelf", "one", "two")
	const capText = `^[a-z2-7]{26}:\S+$`
	owner, err := capability.Parse(shelf.await(capText)[0])
	w.must(err)
	two, err := capability.Parse(shelf.await(capText)[0])
	w.must(err)
	o := w.client.Object(owner)
	says := func(command uint32, want string) {
		t.Helper()
		if text, err := o.Text(w.ctx, command); err != nil || strings.TrimSpace(text) != want {
			t.Errorf("command %d: %q, %v; want %q", command, text, err, want)
		}
	}
	says(std.Info, "one")
	weak, err := o.Restrict(w.ctx, 1|2)
	w.must(err)
	shelf.move(2)
	says(std.Stat, "texts 2")
	twin, err := w.client.Object(weak).Copy(w.ctx)
	w.must(err)
	says(std.Stat, "texts 3")
	weaker, err := w.client.Object(weak).Restrict(w.ctx, 1) // only the server can
	w.must(err)
	reader := w.client.Object(weaker)
	if err := reader.Do(w.ctx, std.Destroy); !errors.Is(err, std.Denied) {
		t.Errorf("destroyed without the right: %v", err)
	}
	shelf.await(`^refused: command 1003 for object 1: STD_DENIED$`)
	forged := weaker
	forged.Rights |= 2
	if err := w.client.Object(forged).Do(w.ctx, std.Destroy); !errors.Is(err, std.CapBad) {
		t.Errorf("destroyed with a forged right: %v", err)
	}
	shelf.await(`^refused: .*STD_CAPBAD$`)
	w.must(w.client.Object(twin).Do(w.ctx, std.Destroy))
	w.must(o.SetParams(w.ctx, []std.Setting{{Name: "limit", Value: "2"}}))
	if _, err := o.Copy(w.ctx); !errors.Is(err, std.NoSpace) {
		t.Errorf("copied beyond the limit: %v", err)
	}
	for range 3 {
		w.must(reader.Do(w.ctx, std.Touch))
		w.must(o.Do(w.ctx, std.Age))
	}
	says(std.Info, "one")
	if _, err := w.client.Object(two).Text(w.ctx, std.Info); !errors.Is(err, std.CapBad) {
		t.Errorf("what nobody touched is still there: %v", err)
	}
	// The same from a shell, of the kernel's own objects.
	sh := w.run(1, "/bin/sh", "-c", "std setparams node2 slice_us=1500 && std getparams --json node2 && "+
		"std info "+owner.String()+" && std restrict read "+weaker.String()+" && std age node1 && std status node1; echo end $?")
	sh.await(`"value": "1500"`)
	sh.await(`^one$`)
	sh.await(capText)
	sh.await(`^denied 0$`)
	sh.await(`^end 0$`)
}
