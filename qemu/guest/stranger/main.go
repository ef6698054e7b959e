package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	for _, word := range os.Args[1:] {
		nr, err := strconv.ParseUint(word, 0, 32)
		if err != nil {
			fmt.Fprintln(os.Stderr, "stranger:", err)
			os.Exit(2)
		}
		_, _, errno := syscall.Syscall(uintptr(nr), 0, 0, 0)
		fmt.Printf("%d: %v\n", nr, errno)
	}
	for {
		time.Sleep(time.Hour)
	}
}
