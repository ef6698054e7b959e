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
	"slices"
	"strings"
	"syscall"

	"motile/qemu/conformance"
)

func main() {
	dir := flag.String("dir", "build/conformance", "folder of what is built, and of the results")
	goCommand := flag.String("go", "scripts/go", "the go command")
	pattern := flag.String("run", "", "run the programs whose names match only")
	sample := flag.Int("sample", 0, "run so many of them only, evenly chosen")
	again := flag.Bool("again", false, "run all again, not only what has not passed with this kernel")
	propose := flag.Bool("propose", false, "print a list of programs, made on this host")
	mem := flag.Int("mem", 256, "memory of a node, MB")
	flag.Parse()
	ok, err := run(*dir, *goCommand, *pattern, *sample, *again, *propose, *mem)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(dir, goCommand, pattern string, sample int, again, propose bool, mem int) (ok bool, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out, err := exec.CommandContext(ctx, goCommand, "env", "GOROOT").Output()
	if err != nil {
		return false, fmt.Errorf("%s env GOROOT: %w", goCommand, err)
	}
	conf := conformance.Config{
		Tests: filepath.Join(strings.TrimSpace(string(out)), "test"), Dir: dir, Host: true, MemMB: mem,
		Kernel: "build/kernel.elf", Initrd: "build/initrd.cpio", Results: filepath.Join(dir, "results.json"),
	}
	if conf.Go, err = filepath.Abs(goCommand); err != nil {
		return false, err
	}
	if conf.Dir, err = filepath.Abs(dir); err != nil {
		return false, err
	}
	if propose {
		conf.Say = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
		l, err := conformance.Propose(ctx, conf)
		fmt.Print(l.Text())
		return true, err
	}
	conf.Say = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	if conf.List, err = conformance.Frozen(); err != nil {
		return false, err
	}
	if pattern != "" || sample > 0 {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return false, err
		}
		conf.Names = slices.DeleteFunc(conf.List.Sample(sample), func(name string) bool { return !re.MatchString(name) })
		if len(conf.Names) == 0 {
			return false, fmt.Errorf("no program matches %q", pattern)
		}
	}
	if again {
		if err := os.RemoveAll(conf.Results); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	r, err := conformance.Run(ctx, conf)
	if r == nil {
		return false, err
	}
	s := r.Summary()
	fmt.Print(s.String())
	return s.OK(), err
}
