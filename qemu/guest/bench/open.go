package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"

	"motile/proc/api/client"
	"motile/servers/lib"
)

var errOpenUsage = errors.New(`usage: bench make DIR N | open DIR N | hold DIR N`)

// opens is about files of a directory: it makes some, counts what it costs the node to open
// them, or has them open until it is killed.
func opens(args []string) error {
	if len(args) != 3 {
		return errOpenUsage
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return errOpenUsage
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s/file%d", args[1], i)
	}
	switch args[0] {
	case "make":
		for _, name := range names {
			if err := os.WriteFile(name, []byte(name), 0o644); err != nil {
				return err
			}
		}
		return nil
	case "open":
		return countOpens(names)
	}
	if _, err := openAll(names); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		syscall.Pause()
	}
}

func openAll(names []string) (fds []int, err error) {
	for _, name := range names {
		fd, err := syscall.Open(name, syscall.O_RDWR, 0)
		if err != nil {
			return fds, fmt.Errorf("%s: %w", name, err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// traffic is what a node has had to do with others.
type traffic struct{ requests, frames float64 }

// countOpens prints the requests to other nodes and the frames that an open took: of a file
// that nobody on the node has had open, and of one that is open there.
func countOpens(names []string) error {
	node, err := lib.Node()
	if err != nil {
		return err
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	c := client.New(lib.Caller{}, key)
	spent := func() (t traffic, err error) {
		text, err := c.Node(node).Stats(context.Background())
		if err == nil {
			t.requests = statistic(text, "Trans") - statistic(text, "TransLocal")
			t.frames = statistic(text, "FramesIn") + statistic(text, "FramesOut")
		}
		return t, err
	}
	var at [3]traffic
	for i := range at {
		if i > 0 {
			if _, err := openAll(names); err != nil {
				return err
			}
		}
		if at[i], err = spent(); err != nil {
			return err
		}
	}
	for i := range 2 {
		fmt.Printf("%.2f\n%.2f\n", (at[i+1].requests-at[i].requests)/float64(len(names)), (at[i+1].frames-at[i].frames)/float64(len(names)))
	}
	return nil
}

// statistic is one of the numbers that a node says of itself.
func statistic(text, name string) float64 {
	m := regexp.MustCompile(`\b` + name + `:(\d+)`).FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	v, _ := strconv.ParseFloat(m[1], 64)
	return v
}
