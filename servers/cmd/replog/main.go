package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
	"motile/servers/log"
	"motile/servers/log/api"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "replog:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: replog serve NAME REPLICA found|join [RESILIENCE] | write NAME LINES PAUSE | append NAME TEXT... | read NAME [REPLICA] | info NAME REPLICA")

func run(args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	name, rest := args[1], args[2:]
	switch args[0] {
	case "serve":
		return serve(name, rest)
	case "write":
		return write(name, rest)
	case "append":
		if len(rest) == 0 {
			return errUsage
		}
		return add(name, rand.Uint64(), 1, strings.Join(rest, " "))
	case "read":
		return read(name, rest)
	case "info":
		return info(name, rest)
	}
	return errUsage
}

func serve(name string, args []string) error {
	if len(args) < 2 || args[1] != "found" && args[1] != "join" {
		return errUsage
	}
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return errUsage
	}
	cfg := log.Config{Name: name, Replica: number, Found: args[1] == "found", Resilience: 1, Members: 8,
		Say: func(msg string) { fmt.Printf("replica %d: %s\n", number, msg) }}
	if len(args) > 2 {
		if cfg.Resilience, err = strconv.Atoi(args[2]); err != nil {
			return errUsage
		}
	}
	r, err := log.Start(cfg)
	if err != nil {
		return fmt.Errorf("replica %d of log %s: %w", number, name, err)
	}
	fmt.Printf("replica %d: serving\n", number)
	return r.Wait()
}

// write appends numbered lines, and repeats what has no certain outcome: the log has
// each line once all the same.
func write(name string, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	lines, err1 := strconv.Atoi(args[0])
	pause, err2 := time.ParseDuration(args[1])
	if err1 != nil || err2 != nil {
		return errUsage
	}
	writer := rand.Uint64()
	for i := 1; i <= lines; i++ {
		if err := add(name, writer, uint64(i), fmt.Sprintf("line %d", i)); err != nil {
			return err
		}
		fmt.Printf("written %d\n", i)
		time.Sleep(pause)
	}
	fmt.Println("done")
	return nil
}

// patience is how long a line is tried to be appended.
const patience = 2 * time.Minute

func add(name string, writer, number uint64, text string) error {
	began := time.Now()
	for {
		h := std.Header{Port: api.Port(name).Put(), Command: api.Append, Object: writer, Offset: number}
		_, err := lib.Trans(&h, []byte(text), nil)
		if err == nil && h.Status() != std.OK {
			err = h.Status()
		}
		if err == nil {
			return nil
		}
		if time.Since(began) > patience {
			return fmt.Errorf("appending to log %s: %w", name, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// portOf is that of a replica, or of any.
func portOf(name string, args []string) (capability.Port, error) {
	if len(args) == 0 {
		return api.Port(name).Put(), nil
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return capability.Port{}, errUsage
	}
	return api.ReplicaPort(name, n).Put(), nil
}

func read(name string, args []string) error {
	port, err := portOf(name, args)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for from := uint64(0); ; {
		h := std.Header{Port: port, Command: api.Read, Offset: from}
		n, err := lib.Trans(&h, nil, buf)
		if err == nil && h.Status() != std.OK {
			err = h.Status()
		}
		if err != nil {
			return fmt.Errorf("reading log %s: %w", name, err)
		}
		list, ok := api.Entries(buf[:n])
		if !ok {
			return fmt.Errorf("log %s: malformed reply", name)
		}
		for i, e := range list {
			fmt.Printf("%d %s\n", from+uint64(i), e.Data)
		}
		from += uint64(len(list))
		if len(list) == 0 || from >= h.Offset {
			return nil
		}
	}
}

func info(name string, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	port, err := portOf(name, args)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	h := std.Header{Port: port, Command: std.Info}
	n, err := lib.Trans(&h, nil, buf)
	if err != nil {
		return fmt.Errorf("replica %s of log %s: %w", args[0], name, err)
	}
	fmt.Printf("%s\n", buf[:n])
	return nil
}
