package cluster

import (
	"context"
	"fmt"
	"regexp"

	"motile/qemu/machine"
)

// ReadyLine is what a kernel prints when it serves requests; %d is the node's
// number.
const ReadyLine = "motile: node %d ready"

// Ready returns nil as soon as a booting node answers. It is given what the
// node prints, from the beginning of this boot; ctx ends when the machine does.
type Ready func(ctx context.Context, node NodeInfo, console *machine.View) error

// ConsoleReady is Ready for a node that says so on its console.
func ConsoleReady(ctx context.Context, node NodeInfo, console *machine.View) error {
	line := regexp.MustCompile(regexp.QuoteMeta(fmt.Sprintf(ReadyLine, node.Number)) + `\b`)
	_, err := console.Find(ctx, line)
	return err
}
