package client

import (
	"errors"
	"path"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Walk visits what all directories name that can be reached from the root, each directory
// once. An error means that not everything was seen; but what is removed meanwhile may be
// missing, and what is entered too.
func (c *Client) Walk(visit func(name string, set capability.Set)) error {
	type place struct {
		name string
		dir  capability.Capability
	}
	seen := map[uint64]bool{c.root.Object: true}
	for queue := []place{{"/", c.root}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		l, err := c.list(Cap(at.dir), at.name)
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		var names []string
		for i := range l.Rows {
			names = append(names, l.Rows[i].Name)
		}
		found, err := c.SetLookup(Cap(at.dir), names)
		if err != nil && !gone(err) {
			return err
		}
		for i := range found {
			full := path.Join(at.name, names[i])
			if st := found[i].Status; gone(st) {
				continue
			} else if st != std.OK {
				return &Error{"looking up", full, st}
			}
			visit(full, found[i].Row.Set)
			for _, m := range found[i].Row.Set.Members {
				if m.Cap.Port == c.root.Port && !seen[m.Cap.Object] {
					seen[m.Cap.Object] = true
					queue = append(queue, place{full, m.Cap})
				}
			}
		}
	}
	return nil
}

// gone reports whether something is not there any more that was there a moment ago.
func gone(err error) bool { return errors.Is(err, std.NotFound) || errors.Is(err, std.CapBad) }
