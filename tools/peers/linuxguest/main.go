package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() == 1 {
		if err := initialize(); err != nil {
			fmt.Println("linuxguest:", err)
		}
		unix.Sync()
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) // returning would be a kernel panic
	}
	debug.SetGCPercent(-1)
	if err := program(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "linuxguest:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: linuxguest ping KIND PEER BYTES N | bulk PEER BYTES N | echo KIND BYTES | sink")

func program(args []string) error {
	var words []string
	var numbers []int
	for _, a := range args {
		if n, err := strconv.Atoi(a); err == nil {
			numbers = append(numbers, n)
		} else {
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		return errUsage
	}
	switch what := words[0]; {
	case what == "ping" && len(words) == 3 && len(numbers) == 2:
		return ping(words[1], words[2], numbers[0], numbers[1])
	case what == "echo" && len(words) == 2 && len(numbers) == 1:
		return echo(words[1], numbers[0])
	case what == "bulk" && len(words) == 2 && len(numbers) == 2:
		return bulk(words[1], numbers[0], numbers[1])
	case what == "sink" && len(words) == 1:
		return sink()
	}
	return errUsage
}
