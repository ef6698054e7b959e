// Command motile runs a cluster on this host and is the way into it: see
// motile --help, and the package comments of motile/qemu/cluster.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status := run(ctx, os.Args[1:], terminal{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// Exit statuses. A command that passes another program's on says so.
const (
	exitFailure = 1
	exitUsage   = 2
)

// terminal is where a command reads and writes.
type terminal struct {
	in       *os.File
	out, err *os.File
}

// run is main, for tests too.
func run(ctx context.Context, args []string, t terminal) (status int) {
	parsed, app, err := parse(args, t)
	if err != nil {
		fmt.Fprintf(t.err, "motile: %v (motile --help explains)\n", err)
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(&app.common, t); err != nil {
		fmt.Fprintf(t.err, "motile: %v\n", err)
		return exitFailure
	}
	return 0
}
