package harness

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/machine"
)

// Node is one node as a test talks to it. What goes wrong fails the test.
type Node struct {
	c       *Cluster
	number  int
	console *machine.Console
	view    *machine.View // behind what WaitFor has found so far
}

// Node returns a node by number.
func (c *Cluster) Node(number int) *Node {
	c.t.Helper()
	if n := c.nodes[number]; n != nil {
		return n
	}
	console, err := c.Console(number)
	if err != nil {
		c.t.Fatal(err)
	}
	n := &Node{c: c, number: number, console: console, view: console.View(0)}
	c.nodes[number] = n
	return n
}

// Send types on the node's console. A line ends with \r, as on a keyboard.
func (n *Node) Send(format string, args ...any) {
	n.c.t.Helper()
	if _, err := fmt.Fprintf(n.console, format, args...); err != nil {
		n.c.t.Fatalf("node %d: %v", n.number, err)
	}
}

// WaitFor waits until the console shows something behind what the last WaitFor
// found, and returns it with the expression's groups. It fails at once when the
// node ends.
func (n *Node) WaitFor(re string) []string {
	n.c.t.Helper()
	found, err := n.find(n.c.ctx, re)
	if err != nil {
		n.c.t.Fatalf("node %d: waiting for %q: %v", n.number, re, err)
	}
	return found
}

// Within is WaitFor with a time limit of its own.
func (n *Node) Within(limit time.Duration, re string) []string {
	n.c.t.Helper()
	ctx, cancel := context.WithTimeoutCause(n.c.ctx, limit, fmt.Errorf("did not come within %v", limit))
	defer cancel()
	found, err := n.find(ctx, re)
	if err != nil {
		n.c.t.Fatalf("node %d: waiting for %q: %v", n.number, re, err)
	}
	return found
}

func (n *Node) find(ctx context.Context, re string) ([]string, error) {
	either := regexp.MustCompile("(?:" + re + ")|" + cluster.EndNote(n.number))
	found, err := n.view.Find(ctx, either)
	if err != nil {
		return nil, err
	}
	last := len(found) - 1
	if how := found[last]; how != "" {
		return nil, fmt.Errorf("the node ended: %s", how)
	}
	return found[:last], nil
}

// WaitEnd waits until the node's machine has ended and returns how:
// "powered off", "kernel panic", ….
func (n *Node) WaitEnd() string {
	n.c.t.Helper()
	found, err := n.view.Find(n.c.ctx, regexp.MustCompile(cluster.EndNote(n.number)))
	if err != nil {
		n.c.t.Fatalf("node %d: waiting for its end: %v", n.number, err)
	}
	return found[1]
}

// Kill cuts the node's power.
func (n *Node) Kill() {
	n.c.t.Helper()
	if _, err := n.c.Kill(n.number); err != nil {
		n.c.t.Fatal(err)
	}
}

// Restart boots the node again, after cutting its power if it runs, and waits
// until it answers. WaitFor looks at the new boot only.
func (n *Node) Restart() {
	n.c.t.Helper()
	info, err := n.c.Restart(n.c.ctx, n.number, nil)
	if err != nil {
		n.c.t.Fatal(err)
	}
	if _, err := n.view.Find(n.c.ctx, regexp.MustCompile(cluster.BootNote(n.number, info.Boots))); err != nil {
		n.c.t.Fatal(err)
	}
}

// Pause stops the node's CPU, as a debugger does, and Resume lets it go on.
func (n *Node) Pause() { n.c.t.Helper(); n.control("stop") }

// Resume ends a Pause.
func (n *Node) Resume() { n.c.t.Helper(); n.control("cont") }

func (n *Node) control(command string) {
	n.c.t.Helper()
	if err := n.c.QMP(n.c.ctx, n.number, command, nil, nil); err != nil {
		n.c.t.Fatal(err)
	}
}

// Info is what the host knows of the node.
func (n *Node) Info() cluster.NodeInfo {
	n.c.t.Helper()
	for _, info := range n.c.Nodes() {
		if info.Number == n.number {
			return info
		}
	}
	n.c.t.Fatalf("node %d does not exist", n.number)
	return cluster.NodeInfo{}
}

// Console is the node's console, for what WaitFor and Send do not do.
func (n *Node) Console() *machine.Console { return n.console }
