package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"motile/qemu/machine"
	"motile/qemu/testbed"
	"motile/tools/peers/result"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// suite is what is measured together.
type suite struct {
	name string
	run  func(ctx context.Context, p *peers) error
}

var suites = []suite{
	{"messages", messages},
	{"criu", criu},
	{"live", live},
}

// deadline bounds a suite, so that a guest that hangs does not hang us.
const deadline = 30 * time.Minute

// peers is what all suites share.
type peers struct {
	result result.Result
	runs   int
	short  bool
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	pattern := flags.String("run", ".", "`PATTERN` of the suites to run: "+names())
	runs := flags.Int("runs", 10, "how often everything is measured, in turns")
	short := flags.Bool("short", false, "do everything once only; nothing is held against a target")
	asJSON := flags.Bool("json", false, "print JSON")
	folder := flags.String("o", "", "write peers.json into `FOLDER`, for EXPERIMENTS.md (go run ./tools/experiments -render)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	re, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	if *short {
		*runs = 1
	}
	if *runs < 1 {
		return fmt.Errorf("%d runs: give 1 or more", *runs)
	}
	if *folder != "" && *pattern != "." {
		say("results are kept of whole runs only")
		*folder = ""
	}
	p := &peers{runs: *runs, short: *short}
	if err := p.begin(); err != nil {
		return err
	}
	for _, s := range suites {
		if !re.MatchString(s.name) {
			continue
		}
		say("%s …", s.name)
		within, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("took longer than %v", deadline))
		err := s.run(within, p)
		if err != nil && within.Err() != nil {
			err = fmt.Errorf("%w: %v", context.Cause(within), err)
		}
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	p.result.Took = time.Since(p.result.Began).Round(time.Second).String()
	p.result.Load[1] = testbed.LoadAverage()
	return p.report(*folder, *asJSON)
}

func names() string {
	var all []string
	for _, s := range suites {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

// say tells of progress.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "peers: "+format+"\n", args...) }

// begin sees to it that what make built is there, and notes the circumstances.
func (p *peers) begin() error {
	if err := testbed.Built(); err != nil {
		return err
	}
	program, err := machine.Find("")
	if err != nil {
		return err
	}
	version, err := exec.Command(program, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	p.result = result.Result{
		Began: time.Now(), Runs: p.runs, Short: p.short, CPUs: runtime.NumCPU(),
		QEMU: fmt.Sprintf("%s, TCG, every machine %s with one CPU %s and %d MB", first, machine.Q35, machine.DefaultCPU, memMB),
	}
	p.result.Load[0] = testbed.LoadAverage()
	if err := haveLinux(); err != nil {
		p.result.Miss("Linux and all that runs on it", err)
		return nil
	}
	p.result.Peers = append(p.result.Peers, linuxVersion())
	return nil
}

// some is how many of n there are to be: few, if we only try whether it works.
func (p *peers) some(n int) int {
	if p.short {
		return min(n, 3)
	}
	return n
}

func (p *peers) report(folder string, asJSON bool) error {
	if folder != "" && len(p.result.Rows) == 0 {
		say("nothing was measured: %s stays as it is", folder)
		folder = ""
	}
	if folder != "" {
		if err := p.result.Save(filepath.Join(folder, "peers.json")); err != nil {
			return err
		}
	}
	if asJSON {
		return p.result.Save("/dev/stdout")
	}
	return p.result.Table(os.Stdout)
}
