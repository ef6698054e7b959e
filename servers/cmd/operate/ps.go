package operate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"motile/proc/api"
	"motile/proc/api/client"
)

// PsOptions say what of the processes to show.
type PsOptions struct {
	Ended   bool // also those that have ended and are remembered
	Verbose bool
}

// Ps lists the processes of all nodes. It fails if a node that should answer does
// not, but lists the others' all the same.
func (e *Env) Ps(ctx context.Context, o PsOptions) error {
	nodes, err := e.Nodes(ctx)
	if err != nil {
		return err
	}
	all, failed := e.Client.Processes(ctx, nodes)
	if !o.Ended {
		all = slices.DeleteFunc(all, func(p api.ProcessInfo) bool { return p.State == "zombie" })
	}
	if e.JSON {
		if all == nil {
			all = []api.ProcessInfo{}
		}
		err = PrintJSON(e.Out, all)
	} else {
		err = e.printProcesses(all, o.Verbose)
	}
	if errs := split(failed); len(errs) > 0 {
		for _, err := range errs[1:] {
			e.warn("%v", err)
		}
		return errs[0]
	}
	return err
}

func (e *Env) printProcesses(all []api.ProcessInfo, verbose bool) error {
	head := []any{"PID", "NODE", "TRAIL", "THREADS", "SIZE", "STATE", "CPU", "MOVES", "COMMAND"}
	if verbose {
		head = []any{"PID", "PPID", "PGID", "SID", "NODE", "TRAIL", "THREADS", "SIZE", "VIRTUAL", "STATE", "CPU", "AGE", "MOVES", "COMMAND"}
	}
	rows := [][]any{head}
	for _, p := range all {
		row := []any{p.PID}
		if verbose {
			row = append(row, p.Parent, p.PGID, p.SID)
		}
		row = append(row, p.Node, trail(p.Trail), p.Threads, kilobytes(p.SizeKB))
		if verbose {
			row = append(row, kilobytes(p.VirtKB))
		}
		row = append(row, state(p), Duration(p.CPUms))
		if verbose {
			row = append(row, Duration(p.AgeMs))
		}
		rows = append(rows, append(row, p.Moves, describe(p, verbose)))
	}
	return PrintTable(e.Out, rows)
}

func kilobytes(kb int) string { return Size(int64(kb) << 10) }

// trail is the nodes a process has been on: 1→2→1.
func trail(nodes []int) string {
	words := make([]string, len(nodes))
	for i, n := range nodes {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, "→")
}

func state(p api.ProcessInfo) string {
	if p.State == "zombie" {
		return "ended"
	}
	return p.State
}

// describe is the command and what is remarkable about the process.
func describe(p api.ProcessInfo, verbose bool) string {
	text := p.Command
	note := func(format string, args ...any) { text += fmt.Sprintf("  ["+format+"]", args...) }
	if p.State == "zombie" {
		note("%s", client.Ending(p.Status))
	}
	if len(p.Residuals) > 0 {
		note("needs %s", strings.Join(p.Residuals, ", "))
	}
	if p.Stun != "" {
		note("stunned: %s", p.Stun)
	}
	if p.Comment != "" {
		note("%s", p.Comment)
	}
	if p.Shaken != nil {
		note("shaken: %s", ShakenText(p.Shaken))
	}
	if verbose && p.Detached {
		note("detached")
	}
	if verbose && len(p.Missing) > 0 {
		note("calls that are not there: %s", missing(p.Missing))
	}
	return text
}

// missing lists system calls that a process made and the kernel does not have.
func missing(calls map[uint32]int) string {
	var numbers []uint32
	for nr := range calls {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)
	var words []string
	for _, nr := range numbers {
		words = append(words, fmt.Sprintf("%d (%d times)", nr, calls[nr]))
	}
	return strings.Join(words, ", ")
}
