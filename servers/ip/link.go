package ip

import (
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/link/loopback"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"motile/ipc/capability"
	"motile/ipc/nicio"
	"motile/ipc/std"
	"motile/servers/lib"
)

// The networks that the server is on.
const (
	loopNIC    = 1
	outsideNIC = 2
)

// AddLoopback makes the server reach itself: programs on all nodes share 127.0.0.1.
func (s *Server) AddLoopback() error {
	return s.add(loopNIC, "lo", loopback.New(), netip.MustParsePrefix("127.0.0.1/8"))
}

// AddOutside connects the server to a node's card.
func (s *Server) AddOutside(card capability.Capability, addr netip.Prefix, gateway netip.Addr) error {
	h := std.Header{Command: nicio.Describe}
	h.SetCapability(card)
	mac := make([]byte, 64)
	n, err := lib.Trans(&h, nil, mac)
	if err == nil && h.Status() != std.OK {
		err = h.Status()
	}
	if err != nil || n != 6 {
		return fmt.Errorf("no network card to the outside: %w (start the cluster with motile up --forward or --outside)", err)
	}
	link := channel.New(sendQueue, h.Size+header.EthernetMinimumSize, tcpip.LinkAddress(mac[:6]))
	if err := s.add(outsideNIC, "outside", ethernet.New(link), addr); err != nil {
		return err
	}
	s.stack.AddRoute(tcpip.Route{Destination: header.IPv4EmptySubnet, Gateway: tcpip.AddrFrom4(gateway.As4()), NIC: outsideNIC})
	s.out.start(card, link)
	go s.receive(card, link)
	return nil
}

// add adds a network and the way to its neighbours.
func (s *Server) add(id tcpip.NICID, name string, link stack.LinkEndpoint, addr netip.Prefix) error {
	if err := s.stack.CreateNICWithOptions(id, link, stack.NICOptions{Name: name}); err != nil {
		return fmt.Errorf("network %s: %v", name, err)
	}
	a := tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4(addr.Addr().As4()), PrefixLen: addr.Bits()}
	if err := s.stack.AddProtocolAddress(id, tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: a},
		stack.AddressProperties{}); err != nil {
		return fmt.Errorf("network %s: %v", name, err)
	}
	s.stack.AddRoute(tcpip.Route{Destination: a.Subnet(), NIC: id})
	return nil
}

// receive takes frames from the card, for ever.
func (s *Server) receive(card capability.Capability, link *channel.Endpoint) {
	buf := make([]byte, nicio.MaxData)
	for {
		h := std.Header{Command: nicio.Receive}
		h.SetCapability(card)
		n, err := lib.TransAside(&h, nil, buf)
		if err != nil || h.Status() != std.OK {
			s.out.failed.Add(1)
			time.Sleep(pause)
			continue
		}
		s.out.begin()
		for rest := buf[:n]; ; {
			frame, more, ok := nicio.Next(rest)
			if !ok {
				break
			}
			rest = more
			pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
			link.InjectInbound(0, pkt)
			pkt.DecRef()
		}
		runtime.Gosched() // who has got something deals with it on this thread
		s.out.end()
	}
}
