package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/bullet/client"
	"motile/servers/lib"
)

var errFilesUsage = errors.New(`usage: bench create NODE[,NODE] BYTES safe|unsafe CLIENTS N | read NODE BYTES cold|warm N | disk NODE BYTES N | memcpy BYTES N`)

// files measures file servers and disks. Each number is nanoseconds: for a file made and
// removed, or for bytes read.
func files(args []string) error {
	var words []string
	var numbers []int
	for _, a := range args[1:] {
		if n, err := strconv.Atoi(a); err == nil {
			numbers = append(numbers, n)
		} else {
			words = append(words, a)
		}
	}
	nodes := []int{1}
	switch {
	case args[0] == "memcpy" && len(numbers) == 2:
		return each(numbers[1], memcpy(numbers[0]))
	case len(numbers) < 2:
		return errFilesUsage
	}
	// The first number is a node, unless there are several.
	if strings.Contains(args[1], ",") {
		nodes = nil
		for word := range strings.SplitSeq(args[1], ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return errFilesUsage
			}
			nodes = append(nodes, n)
		}
		words = words[1:]
	} else {
		nodes[0], numbers = numbers[0], numbers[1:]
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	var servers []capability.Capability
	for _, n := range nodes {
		servers = append(servers, key.ServiceCap("bullet", n))
	}
	switch {
	case args[0] == "create" && len(words) == 1 && len(numbers) == 3:
		how := client.Safe
		if words[0] == "unsafe" {
			how = client.Committed
		}
		return create(servers, numbers[0], how, numbers[1], numbers[2])
	case args[0] == "read" && len(words) == 1 && len(numbers) == 2:
		return read(servers[0], numbers[0], words[0] == "cold", numbers[1])
	case args[0] == "disk" && len(numbers) == 2:
		return each(numbers[1], readDisk(key.ServiceCap("disk", nodes[0]), numbers[0]))
	}
	return errFilesUsage
}

// each does something n times, and prints how long it took, after one time that does not
// count.
func each(n int, one func() error) error {
	out := bufio.NewWriter(os.Stdout)
	for i := range n + 1 {
		start := time.Now()
		if err := one(); err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintf(out, "%d\n", time.Since(start))
		}
	}
	return out.Flush()
}

func memcpy(n int) func() error {
	from, to := make([]byte, n), make([]byte, n)
	for i := range from {
		from[i], to[i] = byte(i), 1
	}
	return func() error {
		copy(to, from)
		return nil
	}
}

// perRound is how many files a client makes and removes for one number.
const perRound = 10

// create has clients make files and remove them.
func create(servers []capability.Capability, size int, how uint32, clients, n int) error {
	b := client.New(lib.Trans).Aside(lib.TransAside)
	data := make([]byte, size)
	one := func() error {
		for range perRound {
			set, err := b.CreateAll(servers, data, how)
			if err == nil && len(set.Members) < len(servers) {
				err = errors.New("not every server has made the file")
			}
			if err == nil {
				err = b.DestroyAll(set)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return rounds(clients, n, func(int) error { return one() })
}

// read reads a file from end to end; cold: the server has nothing of it in memory.
func read(server capability.Capability, size int, cold bool, n int) error {
	b := client.New(lib.Trans)
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i >> 8)
	}
	file, err := b.Create(server, data, client.Safe)
	if err != nil {
		return err
	}
	defer b.Destroy(file)
	out := bufio.NewWriter(os.Stdout)
	for range n {
		if cold {
			if err := setCache(server, "0"); err != nil {
				return err
			}
		}
		if err := setCache(server, "32768"); err != nil {
			return err
		}
		start := time.Now()
		got, err := b.Read(file, data, 0)
		if err != nil || got != size {
			return fmt.Errorf("%d of %d bytes: %v", got, size, err)
		}
		fmt.Fprintf(out, "%d\n", time.Since(start))
	}
	return out.Flush()
}

// setCache sets how much memory a server has for files.
func setCache(server capability.Capability, kb string) error {
	h := std.Header{Command: std.SetParams, Size: 1}
	h.SetCapability(server)
	_, err := lib.Trans(&h, std.AppendSettings(nil, []std.Setting{{Name: "cache_kb", Value: kb}}), nil)
	if err == nil && h.Status() != std.OK {
		err = h.Status()
	}
	return err
}

// readDisk reads the front of a disk, in requests as long as there are.
func readDisk(disk capability.Capability, size int) func() error {
	const most = std.DiskMost * std.DiskBlock
	buf := make([]byte, most)
	return func() error {
		for at := 0; at < size; at += most {
			h := std.Header{Command: std.DiskRead, Offset: uint64(at / std.DiskBlock), Size: std.DiskMost}
			h.SetCapability(disk)
			if _, err := lib.Trans(&h, nil, buf); err != nil {
				return err
			}
			if h.Status() != std.OK {
				return h.Status()
			}
		}
		return nil
	}
}
