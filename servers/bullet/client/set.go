package client

import (
	"errors"
	"sync"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Files at several servers: a capability set has a copy of the file at each.

// CreateAll makes a file at each of some servers, at one time. Those that do not answer, or have no
// room, are left out, as long as one is left: the set's Wanted says how many there were
// to be. The error is that of the last server if all have failed.
func (c *Client) CreateAll(servers []capability.Capability, data []byte, how uint32) (capability.Set, error) {
	set := capability.Set{Wanted: uint8(len(servers))}
	files, errs := make([]capability.Capability, len(servers)), make([]error, len(servers))
	one := c.of(len(servers))
	atOnce(len(servers), func(i int) { files[i], errs[i] = one.Create(servers[i], data, how) })
	var last error = std.ArgBad
	for i := range servers {
		if errs[i] == nil {
			errs[i] = set.Insert(files[i])
		}
		if errs[i] != nil {
			last = errs[i]
		}
	}
	if len(set.Members) == 0 {
		return capability.Set{}, last
	}
	return set, nil
}

// ReadAny reads from the first copy that can be read.
func (c *Client) ReadAny(set capability.Set, p []byte, off uint64) (n int, err error) {
	err = c.any(set, func(file capability.Capability) (err error) {
		n, err = c.Read(file, p, off)
		return err
	})
	return n, err
}

// GetAny reads the whole of the first copy that can be read.
func (c *Client) GetAny(set capability.Set) (data []byte, err error) {
	err = c.any(set, func(file capability.Capability) (err error) {
		data, err = c.Get(file)
		return err
	})
	return data, err
}

func (c *Client) any(set capability.Set, try func(capability.Capability) error) error {
	var err error = std.NotFound
	for _, m := range set.Members {
		if !m.Current {
			continue
		}
		if err = try(m.Cap); err == nil {
			return nil
		}
	}
	return err
}

// DestroyAll removes all copies that can be reached.
func (c *Client) DestroyAll(set capability.Set) error {
	errs := make([]error, len(set.Members))
	one := c.of(len(errs))
	atOnce(len(errs), func(i int) { errs[i] = one.Destroy(set.Members[i].Cap) })
	return errors.Join(errs...)
}

// of is the client that makes one of n transactions at one time.
func (c *Client) of(n int) *Client {
	if n < 2 {
		return c
	}
	return &Client{c.aside, c.aside}
}

// atOnce does something for each number below n, at one time.
func atOnce(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := 1; i < n; i++ {
		all.Go(func() { do(i) })
	}
	if n > 0 {
		do(0)
	}
	all.Wait()
}
