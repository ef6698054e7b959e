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

// What a node says of its not having a file open is of the opens before it was asked.
func TestGrants_OpenedAgainSinceAsked(t *testing.T) {
	a := newClient(t)
	f, _, _ := a.open("f", oCreat|2, 0o644)
	b := a.on(2)
	o := filesys.Opener{Node: b.node, Boot: 1, Seq: 1}
	h := filesys.Held{Object: f.Object, Check: f.Check, Rights: uint32(f.Rights), From: a.node, Upto: a.seq}
	_, recalls := b.once(f, std.Header{Command: filesys.Hold}, h.Append(o.Append(nil)))
	if len(recalls) != 1 || recalls[0].Node != a.node {
		t.Fatalf("recalled: %v", recalls)
	}
	a.open("f", 0, 0)
	a.s.Recalled(recalls[0], false)
	if a.s.Open() != 1 {
		t.Error("the server has forgotten an open that it was not told the end of")
	}
}

// A node that a recall does not reach is lost with what it has open; not if it was granted
// something after the recall.
func TestGrants_UnreachedAndBack(t *testing.T) {
	for _, back := range []bool{false, true} {
		a := newClient(t)
		f, _, _ := a.open("f", oCreat, 0o644)
		b := a.on(2)
		_, recalls := b.once(a.root, std.Header{Command: filesys.Set},
			(&filesys.Place{Path: "f"}).Append((&filesys.Change{Mask: filesys.SetSize, Size: 9}).Append(nil)))
		if len(recalls) != 1 {
			t.Fatalf("recalled: %v", recalls)
		}
		if back {
			a.now += wantedFor + 1
			if grant, _ := a.once(f, std.Header{Command: filesys.Read, Size: 1}, nil); grant <= recalls[0].Stamp {
				t.Fatalf("grant %d", grant)
			}
		}
		if lost := a.s.Unreached(recalls[0]); lost == back || (a.s.Open() == 0) != lost {
			t.Errorf("back %v: lost %v, %d open", back, lost, a.s.Open())
		}
	}
}
