package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"motile/servers/cmd/options"
	"motile/servers/lib"
	"motile/servers/run"
)

// directoriesFile says which nodes keep the name space, if not just node 1.
const directoriesFile = "/etc/motile/directories"

// runServer is the run server. What its node has it is told by /etc/motile/rc, in the
// environment: NODE, DISK, OUTSIDE, numbers.
func runServer(words []string) error {
	file := "/etc/motile/services"
	var f options.Set
	f.String(&file, "services")
	args, err := f.Parse(words)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return fmt.Errorf("%s: it takes no arguments", args[0])
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	services, err := run.ParseServices(in)
	in.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	node, err := lib.Node()
	if err != nil {
		return err
	}
	facts := run.Facts{"node": node}
	nodes, err := run.Directories(directoriesFile)
	if err != nil {
		return err
	}
	os.Setenv("DIRECTORIES", nodes.String())
	if nodes.Has(node) {
		facts["directory"] = 1
	}
	for _, name := range []string{"DISK", "OUTSIDE", "LOOPBACK"} {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			n = 0 // it has none
		}
		facts[strings.ToLower(name)] = n
	}
	say := func(format string, args ...any) { fmt.Printf("run: "+format+"\n", args...) }
	for _, s := range services {
		if facts.Wants(&s) {
			go run.Keep(s, say)
		}
	}
	if err := mark(); err != nil {
		return err
	}
	announce(key, run.Name, 0)
	server := run.NewServer(node, key)
	go server.Poll()
	return server.Serve()
}

// mark says to this node's commands that there is a run server.
func mark() error {
	if err := os.MkdirAll(filepath.Dir(run.Mark), 0o755); err != nil {
		return err
	}
	return os.WriteFile(run.Mark, nil, 0o444)
}
