package ip

import (
	"bytes"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"motile/kernel/abi"
)

// netEnd is an endpoint of the network stack.
type netEnd struct {
	transport tcpip.TransportProtocolNumber
	ep        tcpip.Endpoint
	queue     *waiter.Queue // by which the stack tells that something has changed
	entry     waiter.Entry
	told      bool // entry is in queue
}

// newNetEnd makes one, of a type and a protocol as socket(2) has them.
func newNetEnd(s *stack.Stack, typ, protocol uint32) (*netEnd, int) {
	e := &netEnd{queue: new(waiter.Queue)}
	switch {
	case typ == sockStream && (protocol == 0 || protocol == uint32(tcp.ProtocolNumber)):
		e.transport = tcp.ProtocolNumber
	case typ == sockDgram && (protocol == 0 || protocol == uint32(udp.ProtocolNumber)):
		e.transport = udp.ProtocolNumber
	case typ == sockDgram && protocol == uint32(icmp.ProtocolNumber4):
		e.transport = icmp.ProtocolNumber4
	case typ != sockStream && typ != sockDgram:
		return nil, abi.ESOCKTNOSUPPORT
	default:
		return nil, abi.EPROTONOSUPPORT
	}
	ep, err := s.NewEndpoint(e.transport, ipv4.ProtocolNumber, e.queue)
	if err != nil {
		return nil, errno(err)
	}
	e.ep = ep
	return e, 0
}

func (e *netEnd) stream() bool { return e.transport == tcp.ProtocolNumber }

func (e *netEnd) recv(buf []byte, flags uint32) (n, size int, from []byte, code int) {
	peek := flags&msgPeek != 0
	w := tcpip.SliceWriter(buf)
	res, err := e.ep.Read(&w, tcpip.ReadOptions{Peek: peek, NeedRemoteAddr: !e.stream()})
	if _, end := err.(*tcpip.ErrClosedForReceive); end {
		err, res = nil, tcpip.ReadResult{}
	}
	if err != nil {
		return 0, 0, nil, errno(err)
	}
	if !e.stream() {
		from = encode(res.RemoteAddr)
	} else if res.Count > 0 && !peek {
		e.ep.ModerateRecvBuf(res.Count)
	}
	return res.Count, max(res.Total, res.Count), from, 0
}

func (e *netEnd) send(data, to []byte, flags uint32) (n, code int) {
	opts := tcpip.WriteOptions{More: flags&msgMore != 0}
	if len(to) > 0 && !e.stream() {
		a, code := decode(to)
		if code != 0 {
			return 0, code
		}
		opts.To = &a
	}
	took, err := e.ep.Write(bytes.NewReader(data), opts)
	return int(took), errno(err)
}

func (e *netEnd) bind(addr []byte) int {
	a, code := decode(addr)
	if code != 0 {
		return code
	}
	return errno(e.ep.Bind(a))
}

func (e *netEnd) listen(backlog int, _ uint32) int { return errno(e.ep.Listen(backlog)) }

func (e *netEnd) connect(addr []byte, _ uint32) int {
	if unspecified(addr) {
		return errno(e.ep.Disconnect())
	}
	a, code := decode(addr)
	if code != 0 {
		return code
	}
	if a.Addr.Len() == 0 {
		a.Addr = tcpip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return errno(e.ep.Connect(a))
}

func (e *netEnd) accept() (endpoint, []byte, int) {
	var from tcpip.FullAddress
	ep, queue, err := e.ep.Accept(&from)
	if err != nil {
		return nil, nil, errno(err)
	}
	return &netEnd{transport: e.transport, ep: ep, queue: queue}, encode(from), 0
}

func (e *netEnd) shutdown(how uint32) int {
	switch how {
	case shutRead:
		return errno(e.ep.Shutdown(tcpip.ShutdownRead))
	case shutWrite:
		return errno(e.ep.Shutdown(tcpip.ShutdownWrite))
	case shutBoth:
		return errno(e.ep.Shutdown(tcpip.ShutdownRead | tcpip.ShutdownWrite))
	}
	return abi.EINVAL
}

func (e *netEnd) name() ([]byte, int)     { return encoded(e.ep.GetLocalAddress()) }
func (e *netEnd) peerName() ([]byte, int) { return encoded(e.ep.GetRemoteAddress()) }

func encoded(a tcpip.FullAddress, err tcpip.Error) ([]byte, int) {
	if err != nil {
		return nil, errno(err)
	}
	return encode(a), 0
}

func (e *netEnd) readable() (n, code int) {
	n, err := e.ep.GetSockOptInt(tcpip.ReceiveQueueSizeOption)
	return n, errno(err)
}

func (e *netEnd) events() uint32 { return uint32(e.ep.Readiness(waiter.AllEvents)) }

// notify: the stack calls in the middle of its work, with locks of its own.
func (e *netEnd) notify(changed func(events uint32)) {
	e.entry = waiter.NewFunctionEntry(waiter.AllEvents, func(events waiter.EventMask) { changed(uint32(events)) })
	e.queue.EventRegister(&e.entry)
	e.told = true
}

// close ends the endpoint; what is to be sent still is.
func (e *netEnd) close() {
	if e.told {
		e.queue.EventUnregister(&e.entry)
	}
	e.ep.Close()
}

func (e *netEnd) describe() description {
	local, _ := e.ep.GetLocalAddress()
	remote, _ := e.ep.GetRemoteAddress()
	d := description{"icmp", text(local), text(remote), "-"}
	switch e.transport {
	case tcp.ProtocolNumber:
		d.kind, d.state = "tcp", tcp.EndpointState(e.ep.State()).String()
	case udp.ProtocolNumber:
		d.kind = "udp"
	}
	return d
}
