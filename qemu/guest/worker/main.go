package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "hold":
			return hold(args[1:])
		case "poll":
			return poll(args[1:])
		case "exec":
			return execute(args[1:])
		case "remote":
			return remote(args[1:])
		}
	}
	return errUsage
}

var errUsage = errors.New("usage: worker hold [OPTIONS] | poll -port PUT [OPTIONS] | exec N COMMAND [ARGS] | remote N NODE COMMAND [ARGS]")

var began = time.Now()

// now is nanoseconds since the start.
func now() int64 { return int64(time.Since(began)) }
