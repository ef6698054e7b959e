package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"motile/qemu/cluster"
	"motile/qemu/soak"
)

func main() {
	dir := flag.String("dir", "build/soak", "folder of the cluster, and of the file that says how far the run is")
	seed := flag.Uint64("seed", 0, "begin anew with this seed")
	rounds := flag.Int("rounds", 0, "end after so many rounds; 0: never")
	moves := flag.Int("moves", 0, "end when the run, with what it was before it was stopped, has made so many moves; 0: never")
	flag.Parse()
	if err := run(*dir, *seed, *rounds, *moves); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(dir string, seed uint64, rounds, moves int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	progress := filepath.Join(dir, "progress.json")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if seed != 0 {
		if err := os.RemoveAll(progress); err != nil {
			return err
		}
	} else {
		seed = rand.Uint64()
	}
	_, err := soak.Run(ctx, soak.Config{
		Dir: cluster.Dir(dir), Kernel: "build/kernel.elf", Initrd: "build/test.cpio",
		Progress: progress, Seed: seed, Rounds: rounds, Moves: moves,
		Say: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	})
	return err
}
