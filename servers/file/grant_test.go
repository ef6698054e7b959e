package file

import (
	"testing"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// on is the same server's client on another node.
func (c *client) on(node uint32) *client {
	return &client{t: c.t, s: c.s, node: node, seq: 100 * uint64(node), uses: make(map[uint64]int), root: c.root}
}

// once makes a request, and does nothing about recalls.
func (c *client) once(f capability.Capability, h std.Header, data []byte) (grant uint64, recalls []Recall) {
	h.SetCapability(f)
	h.Extra = c.node
	_, recalls = c.s.Do(c.now, &h, data)
	return h.Object, recalls
}

// A node that writes gives the grant back that it has. One that it was given since, by the
// answer to a read, is recalled: the answer to the write may find nobody.
func TestGrants_WriterGivesBack(t *testing.T) {
	c := newClient(t)
	f, found, _ := c.open("f", oCreat|2, 0o644)
	if found.Grant == 0 {
		t.Fatal("no grant for the only one who has it open")
	}
	write := func(given uint64) (uint64, []Recall) {
		return c.once(f, std.Header{Command: filesys.Write, Size: uint32(given)}, []byte("text"))
	}
	first, recalls := write(found.Grant)
	if first <= found.Grant || len(recalls) > 0 {
		t.Fatalf("grant %d after %d, %v", first, found.Grant, recalls)
	}
	read, _ := c.once(f, std.Header{Command: filesys.Read, Size: 4}, nil)
	if _, recalls = write(first); read <= first || len(recalls) != 1 || recalls[0].Node != c.node {
		t.Fatalf("grant %d was given since; recalled: %v", read, recalls)
	}
	c.s.Recalled(recalls[0], true)
	if again, recalls := write(first); again == 0 || len(recalls) > 0 {
		t.Fatalf("grant %d, %v", again, recalls)
	} else {
		c.s.Recalled(Recall{Node: c.node, Object: f.Object, Stamp: again}, true)
	}
	if grant, recalls := write(0); grant != 0 || len(recalls) > 0 {
		t.Errorf("grant %d for who gives none back, %v", grant, recalls)
	}
}
