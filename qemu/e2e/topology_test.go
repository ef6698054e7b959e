package e2e

import (
	"bytes"
	"net"
	"strconv"
	"testing"

	"motile/qemu/bridge"
	"motile/qemu/harness"
	"motile/qemu/machine"
)

// tick starts a program that prints numbers and checks its memory.
func (w *world) tick(node int, ms, kb string) *program {
	w.t.Helper()
	p := w.run(node, "/test/ticker", ms, kb)
	p.await("^1$")
	return p
}

// intact sees to it that a ticker goes on, and that all it has printed is the
// numbers, in order.
func (p *program) intact() {
	p.w.t.Helper()
	seen := len(p.out.all())
	if !p.printed(seen + 3) {
		p.w.t.Fatalf("process %d does not go on after %d lines\n%s", p.PID, seen, p.w.ps())
	}
	for i, l := range p.out.all() {
		if l.text != strconv.Itoa(i+1) {
			p.w.t.Fatalf("process %d: line %d is %q", p.PID, i+1, l.text)
		}
	}
}

// cut has one network, or all, keep sets of nodes apart; "" ends that.
func (w *world) cut(net, sets string) {
	w.t.Helper()
	b := w.BridgeOf(net)
	f := b.Faults()
	f.Partition = sets
	_, err := b.SetFaults(f)
	w.must(err)
}

// Nodes of all machine types, each on the same two networks, one of them with the
// shortest frames and one with the longest. Frames of any size harm nobody, and a
// process moves on the network that works when the other does not.
func TestTopology_TwoNetworksEach(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: `
		net short mtu=1500
		net long mtu=65535
		node 1 short long machine=microvm
		node 2 long short machine=pc
		node 3 short long machine=q35
	`})
	p := w.tick(1, "20", "4096")
	for _, node := range []int{2, 3, 1} {
		p.move(node)
	}
	p.intact()
	for _, b := range w.Bridges() {
		for _, size := range []int{bridge.MaxFrame, 9014, 1514, 60, 15} {
			for _, n := range w.Nodes() {
				b.Inject(odd(station(n.Number, 0), size), odd(station(n.Number, 1), size))
			}
			b.Inject(odd(bytes.Repeat([]byte{0xff}, 6), size))
		}
	}
	for _, broken := range []string{"short", "long"} {
		w.cut(broken, "1/2/3")
		for _, node := range []int{2, 3, 1} {
			p.move(node)
		}
		w.cut(broken, "")
	}
	p.intact()
	for _, n := range w.Nodes() {
		if _, err := w.client.Node(n.Number).Load(w.ctx); err != nil {
			t.Errorf("node %d: %v", n.Number, err)
		}
	}
}

// station is the address of a node's card.
func station(node, card int) net.HardwareAddr {
	mac, err := net.ParseMAC(machine.MAC(node, card))
	if err != nil {
		panic(err)
	}
	return mac
}

// odd is a frame of FLIP's type with nothing sensible in it.
func odd(to []byte, size int) []byte {
	f := make([]byte, size)
	copy(f, to)
	copy(f[6:], []byte{2, 0, 0, 0, 0, 9, 0x81, 0x46})
	for i := 14; i < size; i++ {
		f[i] = byte(i)
	}
	return f
}
