//go:build !metal

package main

import (
	"fmt"
	"os"
)

// main is what go build ./... makes of the kernel, which runs on no system but bare
// machines.
func main() {
	fmt.Fprintln(os.Stderr, "motile: this is the kernel, built for the wrong place: use make kernel")
	os.Exit(2)
}
