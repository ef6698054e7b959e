package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "experiments:", err)
		os.Exit(1)
	}
}

// experiment is what is measured together.
type experiment struct {
	name, title string
	runs        int  // of each measurement, in a complete run
	files       bool // it needs a file server
	measure     func(ctx context.Context, l *lab) error
	explain     func(p *page, r *record.Record)
}

// experiments in the order of the document.
var experiments = []*experiment{figure1, strategies, sprite, clientView, chain, many, speed}

// From the top of the module, where we are started.
const (
	resultsDir = "tools/experiments/results"
	trialsDir  = "build/experiments"
)

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("experiments", flag.ContinueOnError)
	names := flags.String("run", "", "`NAMES` of the experiments, with commas between; default: all")
	list := flags.Bool("list", false, "list them")
	short := flags.Bool("short", false, "a part of each grid, few runs; results go to "+trialsDir)
	once := flags.Bool("once", false, "hardly anything, all on one cluster: to see that it works; results go to "+trialsDir)
	runs := flags.Int("runs", 0, "measure everything `N` times; default: as often as -list says, twice with -short")
	seed := flags.Uint64("seed", 1, "of the order of measurements and of random content")
	dir := flags.String("o", "", "`DIR` for results; default: "+resultsDir)
	render := flags.Bool("render", false, "only make the document, figures and CSV anew, from the records")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		return listTo(os.Stdout)
	}
	which, err := named(*names)
	if err != nil {
		return err
	}
	scale := record.Full
	switch {
	case *short && *once, flags.NArg() > 0:
		return errors.New("give one of -short and -once, and no arguments (-help explains)")
	case *short:
		scale = record.Short
	case *once:
		scale = record.Once
	}
	out := *dir
	switch {
	case out != "":
	case scale == record.Full:
		out = resultsDir
	default:
		out = trialsDir
	}
	if *render {
		return writeDocument(out)
	}
	s := series{scale: scale, runs: *runs, seed: *seed, dir: out, progress: os.Stderr}
	return s.do(ctx, which)
}

func listTo(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range experiments {
		fmt.Fprintf(t, "%s\t%d runs\t%s\n", e.name, e.runs, e.title)
	}
	return t.Flush()
}

// named finds experiments by a list of names.
func named(list string) (which []*experiment, err error) {
	if list == "" {
		return experiments, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		e := find(name)
		if e == nil {
			return nil, fmt.Errorf("there is no experiment %q (-list shows them)", name)
		}
		which = append(which, e)
	}
	return which, nil
}

func find(name string) *experiment {
	for _, e := range experiments {
		if e.name == name {
			return e
		}
	}
	return nil
}

// series is what all experiments of one start of the program share.
type series struct {
	scale    record.Scale
	runs     int // 0: as the experiment says
	seed     uint64
	dir      string
	progress io.Writer
}

// do does experiments one after the other. The record of each is written when it is
// complete, and the document with it.
func (s *series) do(ctx context.Context, which []*experiment) error {
	if err := testbed.Built(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	var shared *testbed.Bed
	if s.scale == record.Once {
		fmt.Fprintln(s.progress, "experiments: booting nodes …")
		bed, err := bedWith(ctx, true)
		if err != nil {
			return err
		}
		defer bed.Down()
		shared = bed
	}
	for _, e := range which {
		if err := s.one(ctx, e, shared); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

// one does an experiment, on a bed of its own unless there is one.
func (s *series) one(ctx context.Context, e *experiment, bed *testbed.Bed) error {
	if bed == nil {
		fmt.Fprintf(s.progress, "%s: booting nodes …\n", e.name)
		own, err := bedWith(ctx, e.files)
		if err != nil {
			return err
		}
		defer own.Down()
		bed = own
	}
	l := newLab(ctx, s, e, bed)
	if err := e.measure(ctx, l); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted; it leaves no record")
		}
		return err
	}
	return errors.Join(l.finish().Save(s.dir), writeDocument(s.dir))
}
