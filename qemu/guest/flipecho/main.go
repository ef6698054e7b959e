package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/ipc/std"
	"motile/servers/lib"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("flipecho:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: flipecho serve|call NAME")

func run(args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	var private flip.Address
	copy(private[:], args[1])
	i, err := lib.FlipInit()
	if err != nil {
		return err
	}
	switch args[0] {
	case "serve":
		return serve(i, private)
	case "call":
		return call(i, private.Public())
	}
	return errUsage
}

func serve(i lib.Interface, private flip.Address) error {
	ep, err := i.Register(private, 0)
	if err != nil {
		return err
	}
	fmt.Println("serving")
	buf := make([]byte, longest)
	for {
		var p raw.Packet
		n, err := i.Receive(&p, buf, -1)
		if err != nil {
			return err
		}
		if p.Kind != raw.Unicast {
			continue // who asked will ask again
		}
		back := raw.Packet{Address: p.Address, Endpoint: ep}
		if err := i.Unicast(&back, buf[:n], 0); err != nil && !errors.Is(err, std.FlipNoPacket) {
			return err
		}
	}
}

const (
	longest = 20000 // bytes: several fragments
	again   = 200 * time.Millisecond
)

// call has one message under way at a time. What came from a repetition is skipped.
func call(i lib.Interface, server flip.Address) error {
	var private flip.Address
	rand.Read(private[:])
	ep, err := i.Register(private, 0)
	if err != nil {
		return err
	}
	var over atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	buf, got := make([]byte, longest), make([]byte, longest)
	calls, repeated, notices := uint64(0), 0, 0
	for ; !over.Load(); calls++ {
		msg := buf[:8+calls*calls%(longest-8)]
		for k := range msg {
			msg[k] = byte(calls)
		}
		binary.BigEndian.PutUint64(msg, calls)
		for back := false; !back; {
			p := raw.Packet{Address: server, Endpoint: ep}
			if err := i.Unicast(&p, msg, 0); err != nil {
				return err
			}
			var bounced bool
			if back, bounced, err = await(i, msg, got); err != nil {
				return err
			}
			if bounced {
				notices++
			} else if !back {
				repeated++
			}
		}
		if calls == 0 {
			fmt.Println("calling")
		}
	}
	fmt.Printf("calls %d again %d notices %d\n", calls, repeated, notices)
	return nil
}

// await waits for a message to come back. It may have been given up, or be overdue.
func await(i lib.Interface, msg, buf []byte) (back, bounced bool, err error) {
	for {
		var p raw.Packet
		n, err := i.Receive(&p, buf, again)
		switch {
		case errors.Is(err, std.FlipTimeout):
			return false, false, nil
		case err != nil:
			return false, false, err
		case p.Kind == raw.NotDelivered:
			return false, true, nil
		case n < 8 || binary.BigEndian.Uint64(buf) > binary.BigEndian.Uint64(msg):
			return false, false, fmt.Errorf("%d bytes that nobody sent", n)
		case binary.BigEndian.Uint64(buf) == binary.BigEndian.Uint64(msg):
			if !bytes.Equal(buf[:n], msg) {
				return false, false, fmt.Errorf("message %d came back with %d bytes, changed", binary.BigEndian.Uint64(msg), n)
			}
			return true, false, nil
		}
	}
}
