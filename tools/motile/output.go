package main

import (
	"fmt"
	"io"

	"motile/servers/cmd/operate"
)

// environment is that of a command that does not need the network.
func environment(t terminal, f facts) *operate.Env {
	return &operate.Env{Out: t.out, Err: t.err, JSON: f.JSON}
}

func printJSON(w io.Writer, v any) error         { return operate.PrintJSON(w, v) }
func printTable(w io.Writer, rows [][]any) error { return operate.PrintTable(w, rows) }
func signalList(t terminal)                      { operate.SignalList(t.out) }

func megabytes(n int) string { return fmt.Sprintf("%d MB", n) }

// statusError makes another program's exit status ours.
type statusError int

func (statusError) Error() string { return "" }

func passOn(status int, err error) error {
	if err == nil && status != 0 {
		return statusError(status)
	}
	return err
}
