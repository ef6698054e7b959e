package client

import (
	"motile/ipc/capability"
)

// Named calls visit for each capability that is in a directory somewhere.
type Named func(visit func(capability.Capability)) error

// Unnamed returns the committed files of a server that no directory names. Files with a tag
// are not among them, for they have an owner who finds them by it. A file whose capability
// somebody keeps elsewhere is, and so is one that was made a moment ago and is yet to be
// entered; what was entered before Unnamed was called is not.
func (c *Client) Unnamed(server capability.Capability, named Named) ([]capability.Capability, error) {
	files, err := c.Tagged(server, 0)
	if err != nil {
		return nil, err
	}
	has := make(map[uint64]bool)
	err = named(func(x capability.Capability) {
		if x.Port == server.Port {
			has[x.Object] = true
		}
	})
	if err != nil {
		return nil, err
	}
	var list []capability.Capability
	for _, f := range files {
		if !has[f.Object] {
			list = append(list, f)
		}
	}
	return list, nil
}

// StillUnnamed is those of a list that Unnamed returns again. A number may have been given
// to another file meanwhile, but not the capability.
func (c *Client) StillUnnamed(server capability.Capability, list []capability.Capability, named Named) (still []capability.Capability, err error) {
	now, err := c.Unnamed(server, named)
	if err != nil {
		return nil, err
	}
	is := make(map[capability.Capability]bool, len(now))
	for _, f := range now {
		is[f] = true
	}
	for _, f := range list {
		if is[f] {
			still = append(still, f)
		}
	}
	return still, nil
}
