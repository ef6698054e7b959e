package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, interrupt := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		s := <-signals
		// What cannot be interrupted is killed by the next one, as usual, unless a
		// command says otherwise.
		signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		interrupt(&interrupted{s.(syscall.Signal)})
	}()
	os.Exit(run(ctx, os.Args[1:], terminal{os.Stdin, os.Stdout, os.Stderr}))
}

// interrupted is the cause that ends the context of a command.
type interrupted struct{ signal syscall.Signal }

func (i *interrupted) Error() string { return "interrupted by a signal: " + i.signal.String() }

// interruptOf is the signal that has ended a context, or SIGINT.
func interruptOf(ctx context.Context) syscall.Signal {
	var i *interrupted
	if errors.As(context.Cause(ctx), &i) {
		return i.signal
	}
	return syscall.SIGINT
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
	err = parsed.Run(&app.common, t)
	var other statusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &other):
		return int(other)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	fmt.Fprintf(t.err, "motile: %v\n", err)
	return exitFailure
}
