package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args)) }

const (
	exitFailure = 1
	exitUsage   = 2
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exit is the status of another program, passed on.
type exit int

func (exit) Error() string { return "" }

func run(words []string) (status int) {
	name := filepath.Base(words[0])
	if words = words[1:]; name == "motile" {
		switch {
		case len(words) == 0, words[0] == "-h", words[0] == "--help":
			help(os.Stdout)
			return 0
		case words[0] == "--list": // for who makes the links
			list(os.Stdout)
			return 0
		}
		name, words = words[0], words[1:]
	}
	c := find(name)
	if c == nil {
		fmt.Fprintf(os.Stderr, "motile: there is no command %s (motile -h lists them)\n", name)
		return exitUsage
	}
	if len(words) == 1 && (words[0] == "-h" || words[0] == "--help") {
		c.help(os.Stdout)
		return 0
	}
	err := c.run(context.Background(), words)
	var other exit
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &other):
		return int(other)
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		c.help(os.Stderr)
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return exitFailure
}
