package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/share"
	"motile/tools/flipnode"
)

// host is the cluster's own place on the network: it asks nodes things, as anybody
// with the key may, and serves what belongs to no node: the time of day, and the
// terminals. Its frames cross the bridge like everybody's.
type host struct {
	cluster *Cluster
	flip    *flipnode.Node
	client  *client.Client

	mu        sync.Mutex
	terminals map[int]*terminal // by node
	watchers  sync.WaitGroup    // of shells

	shared *share.Server // nil: no folder is
}

// openHost attaches to the first network.
func (c *Cluster) openHost() error {
	node, err := flipnode.DialMTU(c.HostSocket(), min(c.nets[0].MTU, flipnode.DefaultMTU))
	if err != nil {
		return err
	}
	h := &host{cluster: c, flip: node, client: client.New(node, c.key), terminals: make(map[int]*terminal)}
	if _, err := node.Serve(c.key.HostAddress(), h.serve); err != nil {
		node.Close()
		return err
	}
	if err := h.share(c.conf.Share); err != nil {
		node.Close()
		return err
	}
	c.host = h
	return nil
}

// share serves a folder, if there is one to serve.
func (h *host) share(s *Share) error {
	if s == nil {
		return nil
	}
	key := &h.cluster.key
	port := key.ServicePort(share.Name, 0).Put()
	server, err := share.New(share.Config{Folder: s.Folder, ReadOnly: s.ReadOnly, Port: port, Secret: key.ServiceSecret(share.Name, 0)})
	if err != nil {
		return err
	}
	service, err := h.flip.Serve(flip.Address{}, func(r *flipnode.Request) {
		go func() { // a disk of the host may be slow
			header := r.Header
			reply := server.Do(&header, r.Data)
			r.Reply(&header, reply)
		}()
	})
	if err != nil {
		server.Close()
		return err
	}
	service.Listen(port)
	h.shared = server
	return nil
}

// close detaches. Preconditions: the cluster's life has ended, so no shell is
// watched any more.
func (h *host) close() error {
	h.watchers.Wait()
	h.mu.Lock()
	for _, t := range h.terminals {
		t.screen.Close()
	}
	h.mu.Unlock()
	err := h.flip.Close()
	if h.shared != nil {
		err = errors.Join(err, h.shared.Close())
	}
	return err
}

// serve answers a request to the host. The flipnode is locked, so this waits for
// nothing that needs it.
func (h *host) serve(r *flipnode.Request) {
	var reply std.Header
	switch r.Header.Command {
	case api.HostTime:
		reply.Offset = uint64(time.Now().UnixNano())
	case api.HostForeground:
		h.mu.Lock()
		t := h.terminals[int(r.Header.Object)]
		h.mu.Unlock()
		if t == nil {
			reply.SetStatus(std.NotFound)
			break
		}
		reply.Extra = uint32(t.info().Foreground)
	default:
		reply.SetStatus(std.ComBad)
	}
	r.Answer(&reply, nil)
}

// awaitAnswer waits until a node serves requests.
func (h *host) awaitAnswer(ctx context.Context, node int) error {
	for {
		_, err := h.client.Node(node).Load(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

// live lists the nodes that answered when they last booted, and have not ended.
func (c *Cluster) live() (nodes []int) {
	for _, n := range c.Nodes() {
		if n.State == Running {
			nodes = append(nodes, n.Number)
		}
	}
	return nodes
}

// Client asks nodes and processes things. It is nil in a cluster without a boot
// archive, whose nodes have no key.
func (c *Cluster) Client() *client.Client {
	if c.host == nil {
		return nil
	}
	return c.host.client
}

// terminalInfo tells what a node's terminal is doing.
func (c *Cluster) terminalInfo(node int) (TerminalInfo, error) {
	if _, err := c.find(node); err != nil || c.host == nil {
		return TerminalInfo{Node: node}, err
	}
	return c.host.terminalOf(node).info(), nil
}
