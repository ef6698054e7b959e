package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/servers/lib"
	soap "motile/servers/soap/client"
)

var errNamesUsage = errors.New(`usage: bench names enter|look CLIENTS N`)

// names measures the directory servers: each number is nanoseconds for a name that is
// entered or deleted, or looked up.
func names(args []string) error {
	if len(args) != 4 {
		return errNamesUsage
	}
	clients, err := strconv.Atoi(args[2])
	if err != nil {
		return errNamesUsage
	}
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return errNamesUsage
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	c := soap.New(lib.Trans, key.ServiceCap("soap", 0))
	dir := fmt.Sprintf("/bench-%d", os.Getpid())
	if err := c.Mkdir(dir); err != nil {
		return err
	}
	set, err := c.Lookup(dir)
	if err != nil {
		return err
	}
	one := func(client int) error { return enter(c, fmt.Sprintf("%s/%d", dir, client), set) }
	if args[1] == "look" {
		one = func(int) error { return look(c, dir) }
	}
	if err := rounds(clients, n, one); err != nil {
		return err
	}
	return c.Rmdir(dir)
}

// enter enters a name and deletes it: two updates each time.
func enter(c *soap.Client, name string, set capability.Set) error {
	for range perRound / 2 {
		if err := c.Append(name, set); err != nil {
			return err
		}
		if err := c.Delete(name); err != nil {
			return err
		}
	}
	return nil
}

func look(c *soap.Client, name string) error {
	for range perRound {
		if _, err := c.Lookup(name); err != nil {
			return err
		}
	}
	return nil
}

// rounds has clients do perRound things n times at one time, and prints what one took.
func rounds(clients, n int, one func(client int) error) error {
	out := bufio.NewWriter(os.Stdout)
	for i := range n + 1 {
		start := time.Now()
		errs := make([]error, clients)
		var all sync.WaitGroup
		for k := range clients {
			all.Go(func() { errs[k] = one(k) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintf(out, "%.0f\n", float64(time.Since(start))/float64(clients*perRound))
		}
	}
	return out.Flush()
}
