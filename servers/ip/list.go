package ip

import (
	"fmt"
	"slices"
	"strings"

	"gvisor.dev/gvisor/pkg/tcpip"
)

const lineFormat = "%-6s %-22s %-22s %-12s"

// info is a line about the socket. It does not take its lock.
func (k *socket) info() string {
	if k == nil {
		return "TCP/IP server"
	}
	d := k.end.describe()
	return fmt.Sprintf(lineFormat, d.kind, d.local, d.remote, d.state)
}

// list is what `sockets` prints: a line for each, with the nodes that have it open.
func (s *Server) list() string {
	s.mu.Lock()
	var all []*socket
	for _, k := range s.sockets {
		all = append(all, k)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *socket) int { return int(int64(a.number) - int64(b.number)) })
	var b strings.Builder
	fmt.Fprintf(&b, lineFormat+" %s\n", "", "LOCAL", "REMOTE", "STATE", "NODES")
	for _, k := range all {
		k.mu.Lock()
		nodes := k.nodes()
		k.mu.Unlock()
		fmt.Fprintf(&b, "%s %s\n", k.info(), nodes)
	}
	return b.String()
}

// nodes names those that have the socket open. Preconditions: k.mu is held.
func (k *socket) nodes() string {
	var list []string
	for node, x := range k.holders {
		if x.held {
			list = append(list, fmt.Sprint(node))
		}
	}
	slices.Sort(list)
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

// interfaces is what `ifconfig` prints.
func (s *Server) interfaces() string {
	var b strings.Builder
	infos := s.stack.NICInfo()
	var ids []tcpip.NICID
	for id := range infos {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		in := infos[id]
		var addrs []string
		for _, a := range in.ProtocolAddresses {
			addrs = append(addrs, a.AddressWithPrefix.String())
		}
		fmt.Fprintf(&b, "%s\t%s mtu %d", in.Name, strings.Join(addrs, " "), in.MTU)
		if len(in.LinkAddress) > 0 {
			fmt.Fprintf(&b, " ether %s", in.LinkAddress)
		}
		fmt.Fprintf(&b, "\n\treceived %d packets, %d bytes; sent %d packets, %d bytes\n",
			in.Stats.Rx.Packets.Value(), in.Stats.Rx.Bytes.Value(), in.Stats.Tx.Packets.Value(), in.Stats.Tx.Bytes.Value())
	}
	return b.String()
}

// status is what STD_STATUS says. Preconditions: s.mu is held.
func (s *Server) status(k *socket) string {
	if k != nil {
		return k.info() + "\n"
	}
	return fmt.Sprintf("sockets %d of %d\nnodes %d\nthreads %d\ncard failed %d times\n",
		len(s.sockets), maxSockets, len(s.peers), s.threads, s.out.failed.Load())
}
