package ip

import (
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/link/channel"

	"motile/ipc/capability"
	"motile/ipc/nicio"
	"motile/ipc/std"
	"motile/servers/lib"
)

// sendQueue is how many packets wait for the card.
const sendQueue = 512

// pause is before the card is asked again that did not answer.
const pause = time.Second

// near is how long a card takes at most that is on this node: its kernel has it.
const near = 500 * time.Microsecond

// sender gives the packets of the network stack to the card. Whoever has the stack send
// something, between begin and end, brings it there himself at the end: to wake another
// goroutine takes longer, because it needs a thread. What the stack sends by itself, and
// all of it while the card is far away, transmit brings there.
type sender struct {
	card capability.Capability
	link *channel.Endpoint // nil: there is no card

	users  atomic.Int32 // between begin and end
	far    atomic.Bool  // the card took long, or did not answer
	failed atomic.Uint64
	wake   chan struct{}

	mu   sync.Mutex // held by who has taken packets off the queue: they stay in order
	data []byte
}

func (x *sender) start(card capability.Capability, link *channel.Endpoint) {
	x.card, x.link, x.wake = card, link, make(chan struct{}, 1)
	link.AddNotify(x)
	go x.transmit()
}

func (x *sender) begin() { x.users.Add(1) }

func (x *sender) end() {
	x.users.Add(-1)
	switch {
	case x.link == nil || x.link.NumQueued() == 0:
	case x.far.Load() || !x.mu.TryLock():
		x.poke()
	default:
		x.flush()
		x.mu.Unlock()
	}
}

// WriteNotify implements channel.Notification. The packet is in the queue already, so that
// who ends now sees it.
func (x *sender) WriteNotify() {
	if x.users.Load() == 0 {
		x.poke()
	}
}

func (x *sender) poke() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// transmit sends what nobody else does, for ever.
func (x *sender) transmit() {
	for range x.wake {
		x.mu.Lock()
		ok := x.flush()
		x.mu.Unlock()
		if !ok {
			time.Sleep(pause)
			x.poke() // what has come meanwhile
		}
	}
}

// flush empties the queue, and reports whether the card has answered. Preconditions: mu is
// held.
func (x *sender) flush() bool {
	for pkt := x.link.Read(); pkt != nil; {
		x.data = x.data[:0]
		for ; pkt != nil && len(x.data) <= nicio.MaxData-int(x.link.MTU())-64; pkt = x.link.Read() {
			view := pkt.ToView()
			x.data = nicio.Append(x.data, view.AsSlice())
			view.Release()
			pkt.DecRef()
		}
		h := std.Header{Command: nicio.Send}
		h.SetCapability(x.card)
		start := time.Now()
		_, err := lib.Trans(&h, x.data, nil)
		if x.far.Store(err != nil || time.Since(start) > near); err != nil {
			x.failed.Add(1)
			if pkt != nil {
				pkt.DecRef()
			}
			return false
		}
	}
	return true
}
