package main

import (
	"fmt"
	"os"
)

func main() {
	text, err := support(".")
	if err == nil {
		err = os.WriteFile("SUPPORT.md", []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "support:", err)
		os.Exit(1)
	}
}
