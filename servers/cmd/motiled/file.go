package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"motile/ipc/std"
	"motile/proc/api"
	bullet "motile/servers/bullet/client"
	"motile/servers/cmd/options"
	"motile/servers/file"
	"motile/servers/lib"
	soap "motile/servers/soap/client"
)

const (
	fileArgs  = "[--keep [--disk N[,N]] [--cache KB]] [--capacity MB]"
	fileAbout = "files and directories: in memory, or, with --keep, on the disk of this node, or of node N, or on those of two nodes"

	fileCapacityMB = 64 // at least
	fileCacheKB    = 8 << 10
	fileMemory     = 32 << 20 // besides the cache, until garbage is collected more eagerly
	fileInodes     = 32 << 10 // of a server that keeps them: all are in its memory

	// soapPatience is how long a directory server is looked for before somebody is told.
	soapPatience = 3 * time.Second
	// soapLost is how long one is looked for by a server that has found it before: its node may
	// have died, perhaps with one of the disks, and another is to be found.
	soapLost = 15 * time.Second

	// diskPatience is how long a server that starts waits for the second of two disks: nodes
	// that are started together do not come up together.
	diskPatience = 10 * time.Second
	// diskTime is how long one of two disks may take for what is asked of it: it is done
	// without one that hangs, though its node lives.
	diskTime = 15 * time.Second
)

// fileServer serves files.
func fileServer(words []string) error {
	began := time.Now()
	var f options.Set
	capacity, disk, cache := strconv.FormatInt(defaultCapacity(), 10), "", strconv.Itoa(fileCacheKB)
	keep := false
	f.String(&capacity, "capacity")
	f.String(&disk, "disk")
	f.String(&cache, "cache")
	f.Bool(&keep, "keep")
	args, err := f.Parse(words)
	if err == nil && len(args) > 0 {
		err = fmt.Errorf("usage: motiled file %s", fileArgs)
	}
	if err != nil {
		return err
	}
	mb, err := strconv.ParseInt(capacity, 10, 32)
	if err != nil || mb < 1 {
		return fmt.Errorf("--capacity %s: give megabytes", capacity)
	}
	cacheKB, err := strconv.ParseInt(cache, 10, 32)
	if err != nil || cacheKB < 0 {
		return fmt.Errorf("--cache %s: give kilobytes", cache)
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	if text, err := answers(key.ServiceCap(file.Name, 0)); err != nil || text != "" {
		return errors.Join(err, fmt.Errorf("there is a file server that answers already (%s): end that one first", text))
	}
	cfg := file.Config{
		Port: key.ServicePort(file.Name, 0).Put(), Secret: key.ServiceSecret(file.Name, 0),
		Random: randomNumber, Capacity: mb << 20, Now: time.Now().UnixNano(),
	}
	say := func(format string, args ...any) { fmt.Printf("file: "+format+"\n", args...) }
	if !keep {
		say("files are in memory, and gone with this process")
		announce(key, file.Name, 0)
		return file.NewRunning(key, file.New(cfg), say).Run()
	}
	nodes, err := fileDisks(disk)
	if err != nil {
		return err
	}
	cfg.Inodes = fileInodes
	s, k, err := openFiles(key, nodes, cfg, say)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(cacheKB<<10 + fileMemory)
	r := file.NewRunning(key, s, say)
	r.Keep(k, cacheKB<<10)
	if !k.First() {
		time.Sleep(time.Until(began.Add(file.Settled)))
	}
	go flushAtEnd(r)
	announce(key, file.Name, 0)
	return r.Run()
}

// fileDisks are the nodes whose disks a server keeps its files on.
func fileDisks(text string) (nodes []int, err error) {
	if text == "" {
		node, err := lib.Node()
		return []int{node}, err
	}
	for word := range strings.SplitSeq(text, ",") {
		node, err := strconv.Atoi(word)
		if err != nil || slices.Contains(nodes, node) || len(nodes) == file.MaxDisks {
			return nil, fmt.Errorf("--disk %s: give a node's number, or two, with a comma in between", text)
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// openFiles takes over what is kept. It waits for the servers that keep it as long as it
// takes: to serve an empty tree in its place, or an old one, would be to lose it. Of two disks
// that both have all, one will do after a while.
func openFiles(key api.Key, nodes []int, cfg file.Config, say func(format string, args ...any)) (*file.Server, *file.Keeper, error) {
	trans := lib.TransAside
	if len(nodes) > 1 {
		trans = func(h *std.Header, request, reply []byte) (int, error) {
			return lib.TransWithin(h, request, reply, diskTime)
		}
	}
	store := &file.BulletStore{
		Bullet: bullet.New(trans),
		Soap:   soap.New(lib.TransAside, key.ServiceCap("soap", 0)), Dir: "/storage", Name: file.Name,
	}
	for _, node := range nodes {
		store.Servers = append(store.Servers, file.BulletServer{Server: key.ServiceCap("bullet", node), Name: fmt.Sprintf("the disk of node %d", node)})
	}
	store.Soap.Patience = soapPatience
	began, told := time.Now(), ""
	for {
		cfg.Wait = time.Since(began) < diskPatience
		s, k, err := file.Open(store, cfg)
		if err == nil || !passing(err) {
			store.Soap.Patience = soapLost
			return s, k, err
		}
		if text := err.Error(); text != told {
			told = text
			say("waiting for the servers of disks and of directories (motiled bullet, motiled soap): %v", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// passing reports whether an error may end when a server has started.
func passing(err error) bool {
	for _, s := range []std.Status{std.RPCNotFound, std.RPCFailure, std.RPCTryAgain, std.SoapUnavail, std.NotNow} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// flushAtEnd ends the process when it is asked to, with all on the disk.
func flushAtEnd(r *file.Running) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	<-asked
	if err := r.Flush(); err != nil {
		fmt.Fprintf(os.Stderr, "motiled file: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// defaultCapacity is a quarter of the node's memory, in megabytes.
func defaultCapacity() int64 {
	var i syscall.Sysinfo_t
	if err := syscall.Sysinfo(&i); err != nil {
		return fileCapacityMB
	}
	return max(fileCapacityMB, int64(uint64(i.Totalram)*uint64(i.Unit)>>22))
}
