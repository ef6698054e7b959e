package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// execute runs a command n times, after one time that does not count.
func execute(args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for i := range n + 1 {
		start := time.Now()
		p, err := os.StartProcess(args[1], args[1:], &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Env: os.Environ()})
		if err != nil {
			return err
		}
		end, err := p.Wait()
		took := time.Since(start)
		switch {
		case err != nil:
			return err
		case !end.Success():
			return fmt.Errorf("%s: %v", args[1], end)
		case i > 0:
			fmt.Println(took.Nanoseconds())
		}
	}
	return nil
}
