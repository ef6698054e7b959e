package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"motile/ipc/std"
	"motile/proc/api"
	"motile/servers/lib"
)

const (
	moverAbout = "user-level migration server: carries the messages of moves from this node that are to be made so (migrate --server user)"

	moverThreads = 12 // as many messages of a move are under way (kernel/node: pumpWindow)
	moverRoom    = 1 << 20
	moverReply   = 64 << 10
)

// runMover is the user-level migration server. The kernel of this node makes the messages of a
// move, up to the commit line, and understands the answers; the server is what is between.
func runMover(words []string) error {
	if len(words) > 0 {
		return fmt.Errorf("%s: it takes no arguments", words[0])
	}
	key, err := lib.ClusterKey()
	if err != nil {
		return err
	}
	// One thread that comes back from the kernel must not wait until the runtime has taken the
	// right to run from another one that is there: where who is woken goes last, each such step
	// costs a slice.
	runtime.GOMAXPROCS(moverThreads + 1)
	ended := make(chan error, moverThreads)
	var ready sync.WaitGroup
	ready.Add(moverThreads)
	for range moverThreads {
		go func() { ended <- carry(key, &ready) }()
	}
	ready.Wait() // each is about to ask
	fmt.Println("mover: serving")
	return <-ended
}

// carry takes one message after the other to where it is to go, and brings the answer with the
// question for the next. The node is asked where the server is by then: it may have moved.
func carry(key api.Key, ready *sync.WaitGroup) error {
	message, reply := make([]byte, moverRoom), make([]byte, moverReply)
	ask, n := std.Header{}, 0
	ready.Done()
	for {
		node, err := lib.Node()
		if err != nil {
			return err
		}
		ask.Command = api.MoveNext
		ask.SetCapability(key.NodeCap(node))
		size, err := lib.Trans(&ask, reply[:n], message)
		switch {
		case errors.Is(err, std.RPCFailure) || err == nil && ask.Status() == std.NotNow:
			ask, n = std.Header{}, 0
			continue
		case err == nil && ask.Status() != std.OK:
			err = ask.Status()
		}
		if err != nil {
			return fmt.Errorf("node %d gives no messages: %w", node, err)
		}
		h := std.Header{Command: ask.Extra}
		h.SetCapability(key.NodeCap(int(ask.Object)))
		n, err = lib.Trans(&h, message[:size], reply)
		ask = std.Header{Offset: ask.Offset, Size: h.Command}
		if s := std.OK; errors.As(err, &s) {
			ask.Extra, n = uint32(s), 0
		}
	}
}
