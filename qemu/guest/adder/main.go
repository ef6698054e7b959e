package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

// Commands of the server. The reply's Offset is the counter.
const (
	add = std.PrivateFirst + iota // Offset: how much
	get
)

func main() {
	if len(os.Args) < 3 {
		usage()
	}
	var port capability.Port
	copy(port[:], os.Args[2])
	most, pause := math.MaxInt, time.Duration(0)
	if len(os.Args) == 5 {
		var err1, err2 error
		most, err1 = strconv.Atoi(os.Args[3])
		pause, err2 = time.ParseDuration(os.Args[4])
		if err1 != nil || err2 != nil {
			usage()
		}
	}
	switch os.Args[1] {
	case "serve":
		serve(port)
	case "call":
		call(port.Put(), most, pause)
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: adder serve|call NAME [CALLS PAUSE]")
	os.Exit(2)
}

func serve(port capability.Port) {
	counter := uint64(0)
	fmt.Println("serving")
	err := lib.Serve(port, 64, func(h *std.Header, _ []byte) []byte {
		switch h.Command {
		case add:
			counter += h.Offset
			fallthrough
		case get:
			*h = std.Header{Offset: counter}
		default:
			h.SetStatus(std.ComBad)
		}
		return nil
	})
	fmt.Println("server:", err)
	os.Exit(1)
}

func call(port capability.Port, most int, pause time.Duration) {
	var over atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	calls, failed, last := 0, 0, uint64(0)
	for ; calls < most && !over.Load(); calls++ {
		h := std.Header{Port: port, Command: add, Offset: 1}
		_, err := lib.Trans(&h, nil, nil)
		if err == nil && h.Status() != std.OK {
			err = h.Status()
		}
		switch {
		case err != nil:
			failed++
			fmt.Printf("call %d: %v\n", calls, err)
		case h.Offset <= last:
			failed++
			fmt.Printf("call %d: the counter went from %d to %d\n", calls, last, h.Offset)
		default:
			last = h.Offset
		}
		if calls == 0 {
			fmt.Println("calling")
		}
		time.Sleep(pause)
	}
	fmt.Printf("calls %d failed %d\n", calls, failed)
}
