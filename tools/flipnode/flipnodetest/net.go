package flipnodetest

import (
	"os"
	"path/filepath"
	"testing"

	"motile/qemu/bridge"
	"motile/tools/flipnode"
)

// Net is a bridge with nobody on it but the nodes that a test attaches.
type Net struct {
	Bridge *bridge.Bridge
	Socket string
	t      testing.TB
}

// New makes one; it goes with the test.
func New(t testing.TB) *Net {
	t.Helper()
	dir, err := os.MkdirTemp("", "fn") // t.TempDir's names are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	n := &Net{Bridge: bridge.New(bridge.Options{}), Socket: filepath.Join(dir, "hosts"), t: t}
	t.Cleanup(func() { n.Bridge.Close() })
	if err := n.Bridge.ListenHosts(n.Socket); err != nil {
		t.Fatal(err)
	}
	return n
}

// Node attaches a node.
func (n *Net) Node() *flipnode.Node {
	n.t.Helper()
	node, err := flipnode.Dial(n.Socket)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { node.Close() })
	return node
}
