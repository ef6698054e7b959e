package flipnode

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/qemu/bridge"
)

// MTUs that an attachment may have. The default fits the cards of most nodes.
const (
	MinMTU     = 512
	MaxMTU     = 65535
	DefaultMTU = 1500
)

// patience is how long Call looks for a node or process. One that is being moved
// counts as found.
const patience = 3 * time.Second

// Node is one attachment to the network. Its methods may be called from any
// goroutine.
type Node struct {
	conn  *bridge.Conn
	start time.Time

	mu     sync.Mutex
	m      *rpc.Machine
	self   *rpc.Endpoint
	calls  []chan rpc.Complete // by slot
	kick   chan struct{}       // the deadline may have changed
	closed bool
	err    error // why the connection ended
	done   chan struct{}
	raw    func(src flip.Address, payload []byte)
}

// Dial attaches to the bridge behind a socket.
func Dial(socket string) (*Node, error) { return DialMTU(socket, DefaultMTU) }

// DialMTU is Dial with an MTU: no more than that of the smallest card of a node
// that the program is going to talk to. The bridge carries frames of any size.
func DialMTU(socket string, mtu int) (*Node, error) {
	conn, err := bridge.Dial(socket)
	if err != nil {
		return nil, fmt.Errorf("attaching to the cluster's network: %w (is the cluster up?)", err)
	}
	n := &Node{conn: conn, start: time.Now(), kick: make(chan struct{}, 1), done: make(chan struct{})}
	mac := flip.MAC{0x56, 0x48} // locally administered, and none of a node's
	binary.BigEndian.PutUint32(mac[2:], uint32(random()))
	box := flip.NewBox(flip.Config{Rand: random, Links: []flip.Link{{MAC: mac, MTU: mtu}}})
	n.m = rpc.New(0, rpc.Config{Box: box, Rand: random})
	n.self = n.m.Open(0, rpc.Options{Owner: n})
	go n.receive()
	go n.timers()
	return n, nil
}

func random() uint64 {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // crypto/rand does not fail
	}
	return binary.BigEndian.Uint64(b[:])
}

func (n *Node) now() int64 { return int64(time.Since(n.start)) + 1 }

// Close detaches. Transactions that are under way end with an error; servers
// whose replies we have hear so, or they would go on sending them.
func (n *Node) Close() error {
	n.mu.Lock()
	if !n.closed {
		n.closed, n.err = true, errDetached
		n.m.Close(n.now(), n.self)
		n.perform()
	}
	n.mu.Unlock()
	err := n.conn.Close()
	<-n.done
	return err
}

var errDetached = errors.New("detached from the cluster's network")

func (n *Node) receive() {
	defer close(n.done)
	for {
		frame, err := n.conn.Recv()
		n.mu.Lock()
		if err != nil {
			n.fail(err)
			n.mu.Unlock()
			return
		}
		n.m.Input(n.now(), 0, frame)
		n.perform()
		n.mu.Unlock()
		n.poke()
	}
}

// fail ends everything that waits: the network is gone.
func (n *Node) fail(err error) {
	if !n.closed {
		n.closed, n.err = true, fmt.Errorf("the cluster's network went away: %w", err)
	}
	for i, c := range n.calls {
		if c != nil {
			close(c)
			n.calls[i] = nil
		}
	}
	n.poke()
}

func (n *Node) poke() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

func (n *Node) timers() {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-n.kick:
		}
		n.mu.Lock()
		if n.closed {
			n.mu.Unlock()
			return
		}
		now := n.now()
		if n.m.NextDeadline() <= now {
			n.m.Tick(now)
			n.perform()
		}
		wait := n.m.NextDeadline() - now
		n.mu.Unlock()
		t.Reset(time.Duration(min(max(wait, 0), math.MaxInt64/2)))
	}
}

// perform carries out effects, with the lock held.
func (n *Node) perform() {
	out := &n.m.Out
	var frames [][]byte
	sent, completes, requests := 0, 0, 0
	for {
		for ; sent < len(n.m.Frames()); sent++ {
			f := &n.m.Frames()[sent]
			frames = append(frames, append(append(make([]byte, 0, f.Len()), f.Head()...), f.Body...))
		}
		switch {
		case completes < len(out.Completes):
			c := out.Completes[completes]
			completes++
			if ch := n.calls[c.Slot]; ch != nil {
				n.calls[c.Slot] = nil
				ch <- c
			}
		case requests < len(out.Requests):
			r := out.Requests[requests]
			requests++
			r.Endpoint.Owner.(*Service).serve(r)
		default:
			for i := range out.Delivers {
				if d := &out.Delivers[i]; n.raw != nil && d.Proto == flip.ProtoRaw {
					n.raw(d.Src, append(append([]byte(nil), d.Head()...), d.Body...))
				}
			}
			n.m.Reset()
			if len(frames) > 0 {
				_ = n.conn.Send(frames...) // a broken connection shows in receive
			}
			return
		}
	}
}

// OnRaw sets who gets broadcasts that are not RPC's. It is called with the node
// locked and must not call it.
func (n *Node) OnRaw(f func(src flip.Address, payload []byte)) {
	n.mu.Lock()
	n.raw = f
	n.mu.Unlock()
}

// Trans is one transaction with the service of h.Port, or, if to is not null, with
// that address. patience bounds how long a server is looked for; how long it then
// works is bounded by ctx only. The error is a std.Status if the transaction ended
// with one.
func (n *Node) Trans(ctx context.Context, to flip.Address, h *std.Header, data []byte, patience time.Duration) (std.Header, []byte, error) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return std.Header{}, nil, n.err
	}
	slot := 0
	for slot < len(n.calls) && n.calls[slot] != nil {
		slot++
	}
	if slot == len(n.calls) {
		n.calls = append(n.calls, nil)
	}
	ch := make(chan rpc.Complete, 1)
	n.calls[slot] = ch
	s := n.m.Trans(n.now(), n.self, uint32(slot), to, h, data, int64(patience))
	if s != rpc.Wait {
		n.calls[slot] = nil
		n.mu.Unlock()
		return std.Header{}, nil, s
	}
	n.perform()
	n.mu.Unlock()
	n.poke()

	select {
	case c, ok := <-ch:
		switch {
		case !ok:
			return std.Header{}, nil, n.err
		case c.Status != std.OK:
			return std.Header{}, nil, c.Status
		}
		return c.Header, c.Data, nil
	case <-ctx.Done():
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.calls[slot] == ch {
			n.calls[slot] = nil
			n.m.ForgetTrans(n.now(), n.self, uint32(slot))
			n.perform()
		}
		return std.Header{}, nil, ctx.Err()
	}
}

// Call is a transaction with the service of h.Port: a client.Caller.
func (n *Node) Call(ctx context.Context, h *std.Header, data []byte) (std.Header, []byte, error) {
	return n.Trans(ctx, flip.Address{}, h, data, patience)
}
