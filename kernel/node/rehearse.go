package node

import (
	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc"
)

// rehearseAfter is when a node has booted and shown its prompt, as a rule.
const rehearseAfter = 1e9

// rehearsal is the first image that a node makes and takes apart: of nobody, when it has
// nothing better to do. The codec looks at each type of record when it first meets it, and
// an emulator translates code when it first runs: together that takes ten times as long as
// all the work, and the first process to be written down or to arrive would stand still
// for it.
type rehearsal struct {
	n     *Node
	timer proc.Timer
}

// Rehearse has that done soon.
func (n *Node) Rehearse() {
	r := &rehearsal{n: n}
	r.timer.Init(r)
	n.Tab.StartTimer(&r.timer, n.Tab.Now+rehearseAfter)
}

// Expire implements proc.Expirer.
func (r *rehearsal) Expire(int64) {
	if why := r.n.rehearse(); why != "" {
		r.n.Log("motile: the rehearsal of a checkpoint failed: %s", why)
	}
}

// rehearse says what went wrong, or "".
func (n *Node) rehearse() string {
	c := n.newCaptured(nil, forWhom{copy: true})
	c.im.Threads, c.im.Regions = []image.Thread{{FX: new(abi.Frame).FX[:]}}, []image.Region{{}}
	c.im.Stores, c.im.Files = []image.Store{{}}, []image.File{{Kind: image.KindEventfd}}
	c.objects = []image.Object{{}}
	lineage := image.Lineage{Kernel: kernelVersion}
	b, err := n.encode(c, lineage.Bound(),
		record{image.TypeLineage, &lineage}, record{image.TypeSegments, image.Segments{{Store: -1}}})
	if err != nil {
		return err.Error()
	}
	_, _, _, why := n.decodeImage(b, lineage.Bound())
	return why
}
