package e2e

import (
	"testing"

	"motile/qemu/harness"
)

func TestSmoke(t *testing.T) {
	w := boot(t, harness.Options{Nodes: 2})
	p := w.run(1, "/bin/sh", "-c", "while read x; do echo got $x; done; exit 3")
	p.send("a\n")
	p.await("got a")
	t.Log(p.move(2))
	p.send("b\n")
	p.await("got b")
	p.in.Close()
	if s := p.end(); s != 3 {
		t.Fatal(s)
	}
}
