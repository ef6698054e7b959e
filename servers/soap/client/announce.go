package client

import (
	"errors"
	"path"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Servers is the directory that servers enter themselves in.
const Servers = "/server"

// How often a server looks whether it is entered. It is not often, for where there is no
// directory server each look asks all nodes for one.
const (
	announceFirst = 2 * time.Second
	announceLater = time.Minute
)

// Announce enters a server by its name as soon as there is a directory server, in the
// place of whatever has that name, and again whenever that is lost; for ever.
func Announce(t Trans, root, server capability.Capability, name string) {
	c := New(t, root)
	c.Patience = announceFirst
	pause := announceFirst
	for {
		time.Sleep(pause)
		if pause = min(2*pause, announceLater); c.announce(server, name) == nil {
			pause = announceLater
		}
	}
}

func (c *Client) announce(server capability.Capability, name string) error {
	full := path.Join(Servers, name)
	set, err := c.Lookup(full)
	if err == nil && len(set.Members) == 1 && First(set) == server {
		return nil
	}
	if err != nil && !errors.Is(err, std.NotFound) {
		return err
	}
	return c.Enter(full, Cap(server))
}
