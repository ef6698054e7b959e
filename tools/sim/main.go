package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"motile/ipc/sim/lab"
)

func main() {
	first := flag.Uint64("seed", 1, "the first `seed`")
	seeds := flag.Int("seeds", 1000, "how many `histories` to run")
	out := flag.String("o", ".", "the `folder` for the script of a seed that fails")
	runs := flag.Int("shrink", 3000, "how many `runs` to spend on making it small; 0: leave it as it is")
	trace := flag.Bool("trace", false, "print what happens in the first seed, frame by frame")
	replay := flag.String("replay", "", "run the plan in a `file`, which may be a script, and print what happens")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sim: what is %q? see sim -h\n", flag.Arg(0))
		os.Exit(2)
	}
	var err error
	switch {
	case *replay != "":
		err = runFile(os.Stdout, *replay)
	case *trace:
		err = runPlan(os.Stdout, lab.Generate(*first))
	default:
		err = runSeeds(os.Stdout, *first, *seeds, *runs, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

// runSeeds runs histories on all CPUs, says every two seconds how far it is, and
// writes the script of the first that fails.
func runSeeds(w io.Writer, first uint64, seeds, runs int, folder string) error {
	began := time.Now()
	s := newSweep(first, seeds)
	s.run(func() {
		fmt.Fprintf(w, "%6.0f s  %v\n", time.Since(began).Seconds(), s)
	})
	fmt.Fprintf(w, "%6.1f s  %v\n", time.Since(began).Seconds(), s)
	if s.failed == nil {
		return nil
	}
	fmt.Fprintf(w, "\nseed %d:\n", s.failedSeed)
	for _, e := range s.failed.Errors {
		fmt.Fprintf(w, "  %s\n", e)
	}
	plan := lab.Generate(s.failedSeed)
	if runs > 0 {
		var spent int
		plan, spent = lab.Shrink(plan, s.failed.Broken, runs)
		fmt.Fprintf(w, "after %d runs it is %d processes, %d events, %d nodes\n", spent, len(plan.Actors), len(plan.Events), plan.Nodes)
	}
	file, err := writeScript(folder, s.failedSeed, s.failed, plan)
	if err != nil {
		return err
	}
	return fmt.Errorf("seed %d breaks %q: see %s; sim -seed %d -trace prints the whole history",
		s.failedSeed, s.failed.Broken, file, s.failedSeed)
}

func runFile(w io.Writer, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	plan, err := lab.Parse(planOf(string(text)))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return runPlan(w, plan)
}

func runPlan(w io.Writer, plan *lab.Plan) error {
	fmt.Fprint(w, plan, "\n")
	r := lab.Run(plan, func(line string) { fmt.Fprintln(w, line) })
	if r.Broken != "" {
		return fmt.Errorf("%s", r.Errors[0])
	}
	fmt.Fprintf(w, "all is well after %d s: transactions %v, messages %v\n", r.At/1e9, r.By, r.Sent)
	return nil
}
