package nodetest

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// Keeping a process, as migrate/PROTOCOL.md has it: renewed leases, checkpoints, and a
// restart on another node when all leases have certainly run out.

const (
	keepLease    = 3e9
	keepInterval = 1e9
	keepSlack    = keepLease/50 + 1e9
)

// minder is what the keeper of servers/cmd/operate does, on the world's clock.
type minder struct {
	w       *World
	pid     int32
	granted int64 // when the last request for a lease was over
	stored  []byte
	caps    []capability.Capability // of the segments that stored names
}

// renew asks for a lease, until it is known what became of that.
func (k *minder) renew() bool {
	e := k.w.Host.call(k.w.Key.ProcessCap(k.pid), std.Header{Command: api.Lease, Offset: keepLease}, nil)
	k.granted = k.w.Now
	return e.Status == std.OK && e.Header.Status() == std.OK
}

// checkpoint has a snapshot's pages brought to a node, in place of a disk.
func (k *minder) checkpoint(node int) bool {
	w := k.w
	e := w.Host.call(w.Key.ProcessCap(k.pid), std.Header{Command: api.Snapshot}, nil)
	var r api.SnapshotReply
	if e.Status != std.OK || image.Unmarshal(e.Data, &r) != nil || r.Refused != "" {
		return false
	}
	recs, err := image.Read(r.Image)
	if err != nil {
		w.T.Fatal(err)
	}
	d, err := image.Describe(recs)
	if err != nil {
		w.T.Fatal(err)
	}
	segments := append(image.Segments(nil), d.Segments...)
	var caps []capability.Capability
	for i := range segments {
		g := &segments[i]
		from, _ := capability.Decode(g.Cap)
		made := w.Host.call(w.Key.NodeCap(node), std.Header{Command: api.SegCreate, Offset: g.Size}, nil)
		if made.Status != std.OK || made.Header.Status() != std.OK {
			w.T.Fatal(made.Status, made.Header.Status())
		}
		c := made.Header.Capability()
		caps = append(caps, c)
		g.Cap = c.Append(nil)
		for k := 0; k < len(g.Runs); k += 2 {
			off := g.Runs[k] * 4096
			read := w.Host.call(from, std.Header{Command: std.BulletRead, Offset: off, Size: uint32(g.Runs[k+1] * 4096)}, nil)
			if read.Status != std.OK || read.Header.Status() != std.OK {
				drop(w, caps)
				return false
			}
			if wrote := w.Host.call(c, std.Header{Command: api.SegWrite, Offset: off}, read.Data); wrote.Header.Status() != std.OK {
				w.T.Fatal(wrote.Header.Status())
			}
		}
	}
	b, err := d.Encode(segments)
	if err != nil {
		w.T.Fatal(err)
	}
	drop(w, append(k.caps, e.Header.Capability()))
	k.stored, k.caps = b, caps
	return true
}

// drop gives segments back, of nodes that may not be there.
func drop(w *World, caps []capability.Capability) {
	for _, c := range caps {
		w.Host.call(c, std.Header{Command: std.Destroy}, nil)
	}
}

// A process is kept, and at some instant, in the middle of whatever is going on, its
// node is cut off. It goes on elsewhere, and not while it runs where it was; when the
// network is whole again, what is left there is stunned.
func TestKeeper_Partition(t *testing.T) {
	for _, seed := range seeds(t, 12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 3, seed)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
			k := &minder{w: w, pid: p.PID}
			if !k.renew() || !k.checkpoint(2) {
				t.Fatal("it is not kept")
			}
			cutAt := w.Now + w.rng.Int64N(4e9)
			w.Wire.Cut = func(from, to int) bool { return w.Now >= cutAt && (from == 1) != (to == 1) }
			for k.renew() && k.checkpoint(2) {
				w.Run(keepInterval)
			}
			if w.Now < cutAt {
				t.Fatal("it cannot be kept, and the network is whole")
			}
			w.Run(max(0, k.granted+keepLease+keepSlack-w.Now))
			if !p.Stunned() {
				t.Fatalf("it runs %d ms after the last lease", (w.Now-k.granted)/1e6)
			}
			next := w.Host.NewObject()
			r := w.exec(2, api.ExecRequest{Image: k.stored, Stdio: stdio(next), Lease: keepLease})
			if r.PID == 0 {
				t.Fatalf("%+v", r)
			}
			q := w.Nodes[2].Tab.Process(r.PID)
			w.RunUntil(2e9, "it goes on", func() bool { return len(next.Out) > 0 })
			w.Wire.Cut = nil
			for end := w.Now + 10e9; w.Now < end && !q.Stunned(); w.Run(10e6) {
				if !p.Stunned() {
					t.Fatal("two copies run")
				}
			}
			if !q.Stunned() { // nobody has renewed its lease
				t.Error("the new one had no lease")
			}
			if in := w.info(p.PID); in.State != "stunned" || in.Stun != api.LeaseRanOut {
				t.Errorf("%+v", in)
			}
			drop(w, append(k.caps, w.Key.ProcessCap(p.PID), w.Key.ProcessCap(q.PID)))
			w.RunUntil(5e9, "both are killed", func() bool { return w.left(p) && w.left(q) })
		})
	}
}

func (w *World) left(p *proc.Process) bool {
	return w.Nodes[1].Tab.Process(p.PID) != p && w.Nodes[2].Tab.Process(p.PID) != p
}

// A request for a lease that arrives late, and whose answer is lost: the lease counts
// from when the request was over, for when it arrived nobody can tell.
func TestKeeper_LateLease(t *testing.T) {
	w := New(t, 2, 3)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	k := &minder{w: w, pid: p.PID}
	if !k.renew() {
		t.Fatal("no lease")
	}
	asked := w.Now
	const late = 1500e6
	w.Wire.Cut = func(from, to int) bool { return from == 1 || to == 1 && w.Now < asked+late }
	if k.renew() {
		t.Fatal("it was answered")
	}
	over := k.granted
	if k.granted < asked+late {
		t.Fatalf("it was over after %d ms", (over-asked)/1e6)
	}
	w.Run(max(0, over+keepLease+keepSlack-w.Now))
	if !p.Stunned() {
		t.Errorf("it runs %d ms after the request was over", (w.Now-over)/1e6)
	}
}
