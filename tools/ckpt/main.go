package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"motile/proc/api"
	"motile/qemu/cluster"
	"motile/servers/cmd/operate"
)

// options is the command line.
type options struct {
	Dir string   `help:"The cluster's folder (default: .motile)." default:"${dir}" env:"MOTILE_DIR" placeholder:"DIR"`
	Key string   `help:"The cluster's key (default: that in the cluster's folder)." placeholder:"FILE" type:"existingfile"`
	Exe []string `help:"A program to take symbols and pages of files from, or a folder of such; what counts is its content." placeholder:"PATH" type:"path"`

	JSON bool `help:"Print JSON." name:"json"`

	Show   showCmd   `cmd:"" help:"Who it is, its threads with their calls, registers, code and stacks, goroutines, memory, descriptors."`
	Mem    memCmd    `cmd:"" help:"The map of its memory, or a dump of some of it."`
	Diff   diffCmd   `cmd:"" help:"What is different between two."`
	Verify verifyCmd `cmd:"" help:"Check all of a checkpoint file; exit with 1 and the name of the record that is wrong."`
	Stats  statsCmd  `cmd:"" help:"What takes how many bytes."`

	ctx  context.Context
	out  io.Writer
	errs io.Writer
}

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is main, for tests too.
func run(ctx context.Context, args []string, out, errs io.Writer) (status int) {
	o := &options{ctx: ctx, out: out, errs: errs}
	exited := -1
	parser, err := kong.New(o,
		kong.Name("ckpt"),
		kong.Description("Looks inside checkpoint files and running processes. WHAT is a file, or a pid."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(out, errs),
		kong.Exit(func(s int) { exited = s }),
		kong.Vars{"dir": cluster.DefaultDir},
	)
	var parsed *kong.Context
	if err == nil {
		parsed, err = parser.Parse(args)
	}
	switch {
	case exited >= 0:
		return exited // help was asked for
	case err != nil:
		fmt.Fprintf(errs, "ckpt: %v (ckpt --help explains)\n", err)
		return exitUsage
	}
	if err := parsed.Run(o); err != nil && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintf(errs, "ckpt: %v\n", err)
		return exitFailure
	}
	return 0
}

func (o *options) dir() cluster.Dir { return cluster.Dir(o.Dir) }

// key is that of the cluster.
func (o *options) key() (api.Key, error) {
	if o.Key == "" {
		return o.dir().LoadKey()
	}
	text, err := os.ReadFile(o.Key)
	if err != nil {
		return api.Key{}, err
	}
	key, err := api.ParseKey(string(text))
	if err != nil {
		err = fmt.Errorf("%s: %w", o.Key, err)
	}
	return key, err
}

// tell prints facts: for people as String has them.
func (o *options) tell(v fmt.Stringer) error {
	if o.JSON {
		return operate.PrintJSON(o.out, v)
	}
	_, err := io.WriteString(o.out, v.String())
	return err
}
