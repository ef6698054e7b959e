package flipnode

import (
	"errors"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// Service is an object that this program serves at an address of its own.
type Service struct {
	node   *Node
	ep     *rpc.Endpoint
	handle func(*Request)
}

// Request is a request to a Service. It is answered once, at any time.
type Request struct {
	Client flip.Address
	Header std.Header
	Data   []byte

	service *Service
	h       rpc.Handle
}

// Serve starts a service at a fresh address, or at the given public one. handle is
// called with the node locked: it must not block, and must answer with Answer, now,
// or with Reply later from another goroutine.
func (n *Node) Serve(public flip.Address, handle func(*Request)) (*Service, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := &Service{node: n, handle: handle}
	s.ep = n.m.Open(n.now(), rpc.Options{Owner: s, Public: public, Upcall: true, Reborn: !public.IsNull()})
	if s.ep == nil {
		return nil, errors.New("address is in use")
	}
	n.perform()
	return s, nil
}

// Listen makes the service answer for a put-port as well.
func (s *Service) Listen(put capability.Port) {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	s.node.m.Listen(s.node.now(), s.ep, put)
	s.node.perform()
}

// Address is where the service is found.
func (s *Service) Address() flip.Address { return s.ep.Address() }

// Close ends the service.
func (s *Service) Close() {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	s.node.m.Close(s.node.now(), s.ep)
	s.node.perform()
}

func (s *Service) serve(r rpc.Incoming) {
	s.handle(&Request{Client: r.Client, Header: r.Header, Data: r.Data, service: s, h: r.Handle})
}

// Answer replies from within the handler.
func (r *Request) Answer(h *std.Header, data []byte) {
	n := r.service.node
	n.m.Reply(n.now(), r.h, h, data)
}

// Reply replies from any other goroutine.
func (r *Request) Reply(h *std.Header, data []byte) {
	n := r.service.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.m.Reply(n.now(), r.h, h, data)
	n.perform()
	n.poke()
}
