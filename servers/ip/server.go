package ip

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"motile/ipc/capability"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/ipc/std/service"
	"motile/kernel/abi"
	"motile/proc/api"
	"motile/servers/lib"
)

// Server is a TCP/IP server. Its lock is for what is beside the sockets, which have one
// each; a socket's may be held when it is taken, and not the other way round.
type Server struct {
	stack  *stack.Stack
	get    capability.Port
	put    capability.Port
	secret capability.Secret // of the server itself, object 0
	now    func() time.Time
	log    func(format string, args ...any)

	mu      sync.Mutex
	sockets map[uint64]*socket
	next    uint64 // object number
	peers   map[uint32]*peer
	start   func() // serves, and does not return; nil in tests
	threads int    // that serve
	blocked int    // of them, in a Wait
	std     service.Service[*socket]

	out    sender
	locals locals
	dirty  dirtyList
}

// maxSockets bounds what all programs of the cluster can take of the server's memory.
const maxSockets = 4096

// New returns a server of the node's card, without networks.
func New(key *api.Key, node int, log func(format string, args ...any)) *Server {
	s := &Server{
		get: key.ServicePort("ip", node), put: key.ServicePort("ip", node).Put(), secret: key.ServiceSecret("ip", node),
		now: time.Now, log: log,
		sockets: make(map[uint64]*socket), peers: make(map[uint32]*peer),
	}
	// Objects of a server that was here before shall not be taken for this one's.
	s.next = uint64(s.now().Unix()) << 24
	s.dirty.wake = make(chan struct{}, 1)
	s.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
		HandleLocal:        true,
	})
	sack := tcpip.TCPSACKEnabled(true)
	s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	s.std = service.Service[*socket]{
		Find:   s.find,
		Info:   (*socket).info,
		Status: func(k *socket) string { return s.status(k) },
		Touch:  func(*socket) {},
	}
	return s
}

// idle is how many threads are kept for requests that are answered at once. One that has
// answered is back only when nobody else has anything to do: a request from another node
// that finds none waiting is refused, and comes again after milliseconds.
const idle = 8

// Run serves, and does not return.
func (s *Server) Run() error {
	go s.notify()
	go s.watchPeers()
	failed := make(chan error)
	s.mu.Lock()
	s.start = func() { failed <- lib.ServeAside(s.get, maxRequest, s.serve) }
	s.spawn()
	s.mu.Unlock()
	return <-failed
}

// spawn keeps enough threads. Preconditions: s.mu is held.
func (s *Server) spawn() {
	for s.start != nil && s.threads-s.blocked < idle {
		s.threads++
		go s.start()
	}
}

const maxRequest = sockio.MaxData + sockio.CallerSize + 1 + sockio.MaxAddress

// serve answers one request.
func (s *Server) serve(h *std.Header, data []byte) []byte {
	s.mu.Lock()
	k, reply, done := s.std.Serve(h, data)
	if done {
		s.mu.Unlock()
		return reply
	}
	if k != nil {
		s.mu.Unlock()
		s.out.begin()
		defer s.out.end()
		return k.serve(h, data)
	}
	q := *h
	*h = std.Header{}
	if q.Command == sockio.Wait {
		s.blocked++
		s.spawn()
		s.mu.Unlock()
		reply = s.wait(h, data)
		s.mu.Lock()
		s.blocked--
		s.mu.Unlock()
		return reply
	}
	s.mu.Unlock()
	switch q.Command {
	case sockio.Create, sockio.Pair:
		return s.create(&q, h)
	case sockio.List:
		return []byte(s.list())
	case sockio.Interfaces:
		return []byte(s.interfaces())
	}
	h.SetStatus(std.ComBad)
	return nil
}

// find is for the service: object 0 is the server itself, a nil socket. Preconditions:
// s.mu is held.
func (s *Server) find(number uint64) (*socket, capability.Secret, bool) {
	if number == 0 {
		return nil, s.secret, true
	}
	k := s.sockets[number]
	if k == nil {
		return nil, capability.Secret{}, false
	}
	return k, k.secret, true
}

// Types of sockets (socket(2)).
const (
	sockStream    = 1
	sockDgram     = 2
	sockRaw       = 3
	sockSeqpacket = 5
	sockFlags     = 0x80800
)

// create makes a socket, or a pair of them.
func (s *Server) create(q, h *std.Header) (made []byte) {
	domain, protocol, typ := uint32(q.Offset>>32), uint32(q.Offset), q.Extra&^sockFlags
	var ends []endpoint
	var errno int
	switch {
	case domain == afUnix && q.Command == sockio.Pair:
		var a, b *local
		if a, b, errno = s.locals.pair(typ, protocol, q.Size); errno == 0 {
			ends = []endpoint{a, b}
		}
	case domain == afUnix:
		var l *local
		if l, errno = s.locals.create(typ, protocol); errno == 0 {
			ends = []endpoint{l}
		}
	case domain == afInet && q.Command == sockio.Create:
		var e *netEnd
		if e, errno = newNetEnd(s.stack, typ, protocol); errno == 0 {
			ends = []endpoint{e}
		}
	case domain == afInet:
		errno = abi.EOPNOTSUPP
	default:
		errno = abi.EAFNOSUPPORT
	}
	for _, end := range ends {
		c, ok := s.enter(&socket{server: s, flags: uint16(q.Extra & nonblock)}, end)
		if !ok {
			end.close() // the other of a pair is nobody's, and will not last
			errno = abi.ENFILE
			continue
		}
		made = c.Append(made)
	}
	if h.Extra = uint32(errno); errno != 0 {
		return nil
	}
	return made
}

// enter gives a socket its endpoint, its number and its secret.
func (s *Server) enter(k *socket, end endpoint) (c capability.Capability, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sockets) >= maxSockets {
		return c, false
	}
	s.next++
	k.number, k.end, k.born = s.next, end, s.now()
	k.secret = capability.NewSecret(random)
	s.sockets[k.number] = k
	end.notify(func(events uint32) {
		// That there is room again, which each answer of the network says, hardly anybody
		// waits for.
		watched := k.watched.Load()
		if watched&sockio.OutKind != 0 || watched != 0 && events&^sockio.OutKind != 0 {
			s.dirty.add(k)
		}
	})
	return capability.Owner(s.put, k.number, k.secret), true
}

func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
