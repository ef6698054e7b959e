package client

import (
	"errors"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Files at several servers: a capability set has a copy of the file at each.

// CreateAll makes a file at each of some servers. Those that do not answer, or have no
// room, are left out, as long as one is left: the set's Wanted says how many there were
// to be. The error is that of the last server if all have failed.
func (c *Client) CreateAll(servers []capability.Capability, data []byte, how uint32) (capability.Set, error) {
	set := capability.Set{Wanted: uint8(len(servers))}
	var last error = std.ArgBad
	for _, server := range servers {
		file, err := c.Create(server, data, how)
		if err == nil {
			err = set.Insert(file)
		}
		if err != nil {
			last = err
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
	var errs []error
	for _, m := range set.Members {
		errs = append(errs, c.Destroy(m.Cap))
	}
	return errors.Join(errs...)
}
