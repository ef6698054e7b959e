package main

import (
	"fmt"
)

// notBuilt is the answer of commands that need a conversation with the nodes.
func notBuilt(command string) error { return fmt.Errorf("%s is not built yet", command) }

type psCmd struct {
	facts
	All bool `short:"a" help:"Include the kernel's own and ended processes."`
}

// Run lists processes.
func (*psCmd) Run() error { return notBuilt("ps") }

type shCmd struct {
	Node int    `arg:"" help:"Number of the node."`
	Line string `arg:"" help:"The line. Its output and exit status become ours."`
}

// Run runs a shell line.
func (*shCmd) Run() error { return notBuilt("sh") }

type runCmd struct {
	Node   int      `help:"Number of the node (default: one that is idle)." placeholder:"N"`
	Detach bool     `short:"d" help:"Print the process's pid and return."`
	File   string   `arg:"" help:"A static Linux ELF file." type:"path"`
	Args   []string `arg:"" optional:"" passthrough:"" help:"Its arguments."`
}

// Run runs a program.
func (*runCmd) Run() error { return notBuilt("run") }

type logsCmd struct {
	Follow bool `short:"f" help:"Go on until the process ends."`
	PID    int  `arg:"" name:"pid" help:"The process."`
}

// Run shows output.
func (*logsCmd) Run() error { return notBuilt("logs") }

type waitCmd struct {
	PID int `arg:"" name:"pid" help:"The process."`
}

// Run waits.
func (*waitCmd) Run() error { return notBuilt("wait") }

type killCmd struct {
	Signal string `short:"s" help:"Signal, by name or number." default:"TERM" placeholder:"SIG"`
	PID    int    `arg:"" name:"pid" help:"The process."`
}

// Run sends a signal.
func (*killCmd) Run() error { return notBuilt("kill") }
