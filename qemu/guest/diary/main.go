package main

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("diary:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: diary write|wsync|read|check FILE")
	}
	switch args[0] {
	case "write":
		return write(args[1], 0)
	case "wsync":
		return write(args[1], os.O_SYNC)
	case "read":
		return read(args[1], true)
	case "check":
		return read(args[1], false)
	}
	return fmt.Errorf("%s?", args[0])
}

// pause is how long a server that does not answer is left alone.
const pause = 100 * time.Millisecond

// line has something in it that tells it from others, and is long enough that some lie in
// two blocks.
func line(name string, n int) string {
	text := fmt.Sprintf("%s %d", name, n)
	return fmt.Sprintf("%s %0300x\n", text, crc32.ChecksumIEEE([]byte(text)))
}

func write(name string, flag int) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND|flag, 0o644)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		for {
			_, err := f.WriteString(line(name, n))
			if err == nil && flag == 0 {
				err = f.Sync()
			}
			if err == nil {
				break
			}
			fmt.Println("again:", err)
			time.Sleep(pause)
		}
		fmt.Println("acknowledged", n)
	}
}

func read(name string, on bool) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	in, rest, next := bufio.NewReader(f), "", 0
	for {
		part, err := in.ReadString('\n')
		rest += part
		switch {
		case err == nil:
		case err == io.EOF && !on:
			fmt.Println("the last is", next-1)
			return nil
		case err == io.EOF || on:
			time.Sleep(pause / 4)
			continue
		default:
			return err
		}
		switch rest {
		case line(name, next):
			if next++; on {
				fmt.Println("read", next-1)
			}
		case line(name, next-1):
		default:
			return fmt.Errorf("line %d is %q", next, rest)
		}
		rest = ""
	}
}
