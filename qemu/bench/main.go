package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// suite is what is measured together, on a cluster of its own.
type suite struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

var suites = []suite{
	{"calls", calls},
	{"bulk", bulks},
	{"group", groups},
	{"move", moves},
	{"checkpoint", checkpoints},
	{"chain", chain},
	{"prompt", prompts},
	{"files", files},
	{"names", names},
	{"posix", posix},
	{"http", webServers},
	{"open", opened},
	{"idle", idle},
}

// deadline bounds a suite, so that a cluster that hangs does not hang us.
const deadline = 5 * time.Minute

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := flags.String("run", ".", "`PATTERN` of the suites to run: calls, bulk, group, move, checkpoint, chain, prompt, files, names, posix, http, open, idle")
	short := flags.Bool("short", false, "do everything once only; nothing is held against a target")
	asJSON := flags.Bool("json", false, "print JSON")
	readme := flags.String("readme", "", "write the table into `FILE`, between <!-- bench --> and <!-- /bench -->")
	profile := flags.Int("profile", 0, "sample the kernels every `US` microseconds, and show where they were")
	if err := flags.Parse(args); err != nil {
		return err
	}
	re, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	b, err := newBench(*short)
	if err != nil {
		return err
	}
	b.profile = *profile
	for _, s := range suites {
		if !re.MatchString(s.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s …\n", s.name)
		within, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("took longer than %v", deadline))
		err := s.run(within, b)
		if err != nil && within.Err() != nil {
			err = fmt.Errorf("%w: %v", context.Cause(within), err)
		}
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.report.finish()
	if *readme != "" {
		if err := b.report.intoFile(*readme); err != nil {
			return err
		}
	}
	if *asJSON {
		return b.report.json(os.Stdout)
	}
	return b.report.table(os.Stdout)
}
