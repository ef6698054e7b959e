package main

import (
	"fmt"
	"os"

	"motile/boot/pvh"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: mkkernel IN.elf OUT.elf")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "mkkernel:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	raw, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	img, err := pvh.PostLink(raw)
	if err != nil {
		return err
	}
	return os.WriteFile(out, img, 0o644)
}
