package main

import (
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"motile/proc/api/client"
	"motile/qemu/cluster"
)

// app is the command line: a field a command, in the order of the help text.
type app struct {
	common

	Up   upCmd   `cmd:"" help:"Start a cluster in the background and wait until every node answers."`
	Down downCmd `cmd:"" help:"Stop the cluster."`

	Node  nodeCmd  `cmd:"" help:"Grow the cluster, cut a node's power, boot it again."`
	Nodes nodesCmd `cmd:"" help:"List the nodes."`
	Ps    psCmd    `cmd:"" help:"List the processes of all nodes."`

	Sh   shCmd   `cmd:"" help:"Run a shell line on a node."`
	Run  runCmd  `cmd:"" help:"Send a static Linux program from this host and run it on a node."`
	Put  putCmd  `cmd:"" help:"Copy files of this host to a node."`
	Get  getCmd  `cmd:"" help:"Copy files of a node to this host."`
	Logs logsCmd `cmd:"" help:"Show a detached process's output."`
	Wait waitCmd `cmd:"" help:"Wait for a process and exit with its status."`
	Kill killCmd `cmd:"" help:"Send processes a signal."`

	Stun       stunCmd       `cmd:"" help:"Stop a process without its noticing."`
	Resume     resumeCmd     `cmd:"" help:"Let a stunned process go on."`
	Checkpoint checkpointCmd `cmd:"" help:"Write a process to a file, once or again and again, while it runs."`
	Restart    restartCmd    `cmd:"" help:"Make a process of a checkpoint."`
	Clone      cloneCmd      `cmd:"" help:"Make a copy of a running process."`
	Pdump      pdumpCmd      `cmd:"" help:"Show a process descriptor: threads, blocked calls, segments, descriptors."`

	Migrate migrateCmd `cmd:"" help:"Move a running process to another node."`
	Drain   drainCmd   `cmd:"" help:"Move all processes away from a node."`
	Resolve resolveCmd `cmd:"" help:"Decide by hand about a process in doubt."`
	Cap     capCmd     `cmd:"" help:"Make a restricted capability for a process."`
	Std     stdCmd     `cmd:"" help:"Ask any object a standard command: info, status, getparams, copy, ..."`

	Dir dirCmd `cmd:"" help:"List a directory of the directory server, or change it: options go first."`

	Console consoleCmd `cmd:"" help:"Work in a shell on a node, and leave and find it again; ^] ? helps."`
	Bridge  bridgeCmd  `cmd:"" help:"Show or change what the virtual bridge does to frames."`
	Capture captureCmd `cmd:"" help:"Record the bridge into a pcapng file."`

	Metrics metricsCmd `cmd:"" help:"Print what nodes count and measure, as OpenMetrics text."`
	Profile profileCmd `cmd:"" help:"Write a CPU profile of a node's kernel and programs, for go tool pprof."`
	Trace   traceCmd   `cmd:"" help:"Write what the last moves of a process did, and when, for ui.perfetto.dev."`

	Daemon daemonCmd `cmd:"" hidden:"" help:"Own a cluster; started by up."`
}

// common is what all commands share.
type common struct {
	Dir string `help:"The cluster's folder (default: .motile)." default:"${dir}" env:"MOTILE_DIR" placeholder:"DIR"`
}

// facts is embedded by commands that print facts.
type facts struct {
	JSON bool `help:"Print JSON." name:"json"`
}

func (c *common) dir() cluster.Dir { return cluster.Dir(c.Dir) }

// connect reaches the cluster's daemon.
func (c *common) connect() (*cluster.Client, error) { return cluster.Connect(c.dir()) }

func parse(args []string, t terminal) (*kong.Context, *app, error) {
	a := new(app)
	parser, err := kong.New(a,
		kong.Name("motile"),
		kong.Description("Runs a cluster of Motile nodes on this host, and processes on them."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(t.out, t.err),
		kong.Exit(os.Exit),
		kong.Vars{"dir": cluster.DefaultDir, "strategies": strings.Join(client.Strategies, ", ")},
	)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parser.Parse(args)
	return parsed, a, err
}
