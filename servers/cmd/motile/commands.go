package main

import (
	"context"
	"fmt"
	"io"

	"motile/servers/cmd/operate"
)

// command is one name of the program.
type command struct {
	name  string
	args  string
	about string
	run   func(ctx context.Context, words []string) error
	inner bool // a shell has one of its own by that name: not to be hidden
}

// commands lists them in the order of the help text. It is a function because the
// commands refer to it.
func commands() []command {
	return append([]command{
		{"nodes", "[--json]", "the nodes of the cluster", nodes, false},
		{"metrics", "[--json] [NODE...]", "what nodes count and measure, as OpenMetrics text", metrics, false},
		{"ps", "[-a] [-v] [--json]", "its processes; -a: also ended ones", ps, false},
		{"migrate", "[--explain] [--tree] [--strategy S] [--max-freeze 20ms] [--rate R] [--server kernel|user] [--residual] [--cap FILE] [--json] PID|-PGID NODE", "move a process, or a process group as one, to a node; --tree: with all descendants; --explain: only say what that would come to; --server user: by a server of its node, motiled mover, instead of the kernel", migrate, false},
		{"drain", "[--strategy S] [--max-freeze 20ms] [--rate R] [--server kernel|user] [--residual] [--json] NODE", "move all processes away from a node", drain, false},
		{"kill", "[-s SIG | -SIG] [--cap FILE] PID|-PGID..., kill -l", "send a signal", kill, false},
		{"stun", "[-c CODE] [--emergency|--transparent] [--cap FILE] [--json] PID|-PGID", "stop a process unseen", stun, false},
		{"resume", "[--anyway] [--cap FILE] [--json] PID|-PGID", "let a stunned process go on; --anyway: although its lease has run out", resume, false},
		{"checkpoint", "[-o FILE] [--every 5s [--restart [--node N]]] [--no-files] [--compress] [--residual] [--cap FILE] [--json] PID",
			"write a process to a file, once or each so often; --restart: on another node when it is lost with its node", checkpoint, false},
		{"restart", "[--node N] [-d] [--old] [--json] FILE", "make a process of a checkpoint; -d: print its pid and go", restart, false},
		{"clone", "[--residual] [--cap FILE] [--json] PID [NODE]", "make a copy of a process", clone, false},
		{"pdump", "[-s] [--cap FILE] [--json] PID", "show a process descriptor; -s: stun the process first", pdump, false},
		{"wait", "[--cap FILE] [--json] PID", "wait for a process; its exit status becomes ours", wait, true},
		{"logs", "[-f] [--cap FILE] PID", "the output of a detached process", logs, false},
		{"run", "[--node N] [--shake N [--shake-by move|restore|both]] [-d [--json]] COMMAND [ARG...]", "run a program on a node; -d: print its pid and go", runProgram, false},
		{"on", "NODE|any COMMAND [ARG...]", "run a command on a node as if it were here: its terminal, pipes and exit status are ours", onNode, false},
		{"resolve", "[--json] PID discard|resume", "decide about a process in doubt", resolve, false},
		{"cap", "[--rights R] [--json] PID", "a capability for a process, for --cap", restricted, false},
		{"mount", "[CAPABILITY|SERVICE:PATH DIRECTORY]", "show a directory of a file server in this node's tree, such as file:home on /home; or list what is mounted", mount, false},
		{"umount", "DIRECTORY", "undo what mount did", unmount, false},
		{"sockets", "[NODE]", "the sockets of the TCP/IP server of a node (default 1), and which nodes have them open", sockets, false},
		{"interfaces", "[NODE]", "the networks that server is on", interfaces, false},
		{"bullet", bulletArgs, bulletAbout, bulletCommand, false},
		{"std", operate.StdUsage, operate.StdAbout, stdObject, false},
	}, directoryCommands()...)
}

// list prints the names by which the program is to be found.
func list(w io.Writer) {
	for _, c := range commands() {
		if !c.inner {
			fmt.Fprintln(w, c.name)
		}
	}
}

func find(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return &c
		}
	}
	return nil
}

func (c *command) help(w io.Writer) {
	fmt.Fprintf(w, "usage: %s %s\n  %s\n", c.name, c.args, c.about)
}

func help(w io.Writer) {
	fmt.Fprintln(w, "usage: motile COMMAND..., or the command by itself:")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %s %s\n      %s\n", c.name, c.args, c.about)
	}
}
