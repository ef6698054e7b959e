package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: bench trans PORT BATCH N | serve PORT")

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "trans":
		get, err := capability.ParsePort(args[1])
		if err != nil {
			return err
		}
		return trans(get.Put(), args[2], args[3])
	case len(args) == 2 && args[0] == "serve":
		get, err := capability.ParsePort(args[1])
		if err != nil {
			return err
		}
		return lib.Serve(get, 0, func(*std.Header, []byte) []byte { return nil })
	case len(args) > 1 && args[0] == "names":
		return names(args)
	case len(args) > 1 && args[0] == "posix":
		return posix(args)
	case len(args) > 1 && slices.Contains([]string{"make", "open", "hold"}, args[0]):
		return opens(args)
	case len(args) > 1:
		return files(args)
	}
	return errors.Join(errUsage, errFilesUsage, errNamesUsage, errPosixUsage, errOpenUsage)
}

func trans(put capability.Port, batch, n string) error {
	null := func() error {
		_, err := lib.Trans(&std.Header{Port: put}, nil, nil)
		return err
	}
	return sample(batch, n, null)
}

// warmUp: the first request looks for the server, and emulators translate code when
// it first runs.
const warmUp = 20

// sample takes n times of batch.
func sample(batch, n string, one func() error) error {
	size, err := strconv.Atoi(batch)
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	for range warmUp {
		if err := one(); err != nil {
			return err
		}
	}
	took := make([]time.Duration, times)
	for i := range took {
		start := time.Now()
		for range size {
			if err := one(); err != nil {
				return err
			}
		}
		took[i] = time.Since(start)
	}
	out := bufio.NewWriter(os.Stdout)
	for _, t := range took {
		fmt.Fprintf(out, "%.1f\n", float64(t)/float64(size))
	}
	return out.Flush()
}
