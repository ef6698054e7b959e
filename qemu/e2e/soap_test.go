package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"motile/ipc/std"
	"motile/proc/api"
	"motile/qemu/harness"
	soap "motile/servers/soap/client"
)

// soap is a client of the cluster's directory servers, on the host.
func (w *world) soap() *soap.Client {
	key := api.Key(w.key)
	return soap.New(w.client.Trans(w.ctx), key.ServiceCap("soap", 0))
}

// Directories by a server on a node: the same from the host, from a shell, and after the
// server has moved.
func TestSoap_OneServer(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 2 * time.Minute})
	server := w.run(1, "/bin/motiled", "soap")
	server.await("serving$")
	c := w.soap()
	w.must(c.Mkdir("/home"))
	w.must(c.Append("/home/node2", soap.Cap(w.client.Node(2).Capability())))
	sh := w.run(2, "/bin/sh", "-c", "mkd /home/me && put /home/me/n1 node1 && dir -l /home && std info $(get /home/me/n1) && dir /nowhere; echo end $?")
	sh.await(`^me +ffffffff:ffffffff:6 +\S+ +directory, 1 rows`)
	sh.await(`^node2 +ffffffff:ffffffff:6 +\S+ +process server of node2`)
	sh.await(`^process server of node1`)
	sh.await(`dir: listing /nowhere: there is no such name|dir: looking up /nowhere: there is no such name`)
	sh.await(`^end 1$`)
	set, err := c.Lookup("/home/me/n1")
	if w.must(err); soap.First(set) != w.client.Node(1).Capability() {
		t.Errorf("looked up %v", set)
	}
	server.move(2)
	if err := c.Append("/home/me/n1", set); !errors.Is(err, std.Exists) {
		t.Errorf("entered twice: %v", err)
	}
	w.must(c.Rename("/home/me/n1", "/n1"))
	l, err := c.List("/")
	if w.must(err); len(l.Rows) != 2 || l.Rows[1].Name != "n1" {
		t.Errorf("%+v", l)
	}
	key := api.Key(w.key)
	bad := key.ServiceCap("soap", 0)
	bad.Check[0]++
	if err := soap.New(w.client.Trans(w.ctx), bad).Mkdir("/x"); !errors.Is(err, std.CapBad) {
		t.Errorf("with a wrong check: %v", err)
	}
	server.await("refused: .*STD_CAPBAD")
	text, err := c.Status()
	if err != nil || !strings.Contains(text, "refused_capbad 1\n") {
		t.Errorf("%q, %v", text, err)
	}
}
