package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"motile/ipc/std"
	bullet "motile/servers/bullet/client"
	"motile/servers/cmd/options"
	"motile/servers/lib"
	"motile/servers/soap"
)

const soapArgs = "[--keep] [--replicas N,N,... [--replica N]]"

// runSoap is a directory server: the only one, or one of several that keep the same
// directories. Each has the number of the node that it is started on, if it is not told
// another, and keeps them in the file server of that node's disk, if it is told to.
func runSoap(words []string) error {
	var f options.Set
	replica, replicas := "", ""
	f.String(&replica, "replica")
	f.String(&replicas, "replicas")
	keep := false
	f.Bool(&keep, "keep")
	args, err := f.Parse(words)
	if err == nil && len(args) > 0 {
		err = fmt.Errorf("usage: motiled soap %s", soapArgs)
	}
	if err != nil {
		return err
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	cfg := soap.Config{Key: key, Say: func(msg string) { fmt.Println("soap:", msg) }}
	if cfg.Replica, err = lib.Node(); replica != "" {
		cfg.Replica, err = strconv.Atoi(replica)
	}
	if err != nil {
		return fmt.Errorf("--replica %s: give a number", replica)
	}
	if cfg.Replicas, err = soapReplicas(replicas, cfg.Replica); err != nil {
		return err
	}
	if keep {
		cfg.Store = &soap.BulletStore{Client: bullet.New(lib.TransAside), Server: key.ServiceCap("bullet", cfg.Replica)}
	}
	v, err := openSoap(cfg)
	if err != nil {
		return err
	}
	announce(key, "soap", 0)
	return v.Serve()
}

// openSoap waits for the file server, which may be starting too.
func openSoap(cfg soap.Config) (*soap.Server, error) {
	for waited := false; ; waited = true {
		v, err := soap.NewServer(cfg)
		if !errors.Is(err, std.RPCNotFound) && !errors.Is(err, std.RPCFailure) {
			return v, err
		}
		if !waited {
			cfg.Say(fmt.Sprintf("waiting for the file server of node %d's disk (motiled bullet)", cfg.Replica))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// soapReplicas are the numbers of all replicas, this one among them.
func soapReplicas(text string, me int) (list []int, err error) {
	if text == "" {
		return []int{me}, nil
	}
	here := false
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("--replicas %s: give numbers, as in 1,2,3", text)
		}
		list, here = append(list, n), here || n == me
	}
	if !here || len(list) > soap.MaxReplicas {
		return nil, fmt.Errorf("--replicas %s: up to %d, replica %d among them", text, soap.MaxReplicas, me)
	}
	return list, nil
}
