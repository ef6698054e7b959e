// calls: trans getreq putrep

package rpcserver

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/qemu/guest/event"
	"motile/servers/lib"
)

// Name of the feature.
const Name = "rpc-server"

// Run does it.
func Run([]string) error {
	var get capability.Port
	if _, err := rand.Read(get[:]); err != nil {
		return err
	}
	executed := uint64(0)
	failed := make(chan error, 1)
	go func() {
		failed <- lib.Serve(get, 4096, func(h *std.Header, data []byte) []byte {
			executed++
			*h = std.Header{Offset: executed}
			return append([]byte("re: "), data...)
		})
	}()
	event.Ready()
	reply := make([]byte, 4096)
	for n := uint64(1); event.Working(); n++ {
		h := std.Header{Port: get.Put(), Command: std.PrivateFirst}
		request := bytes.Repeat([]byte{byte(n)}, int(n*37%3000)+1)
		size, err := lib.Trans(&h, request, reply)
		switch {
		case err != nil:
			return err
		case h.Status() != std.OK || h.Offset != n:
			return fmt.Errorf("request %d: %v, and %d were executed", n, h.Status(), h.Offset)
		case !bytes.Equal(reply[:size], append([]byte("re: "), request...)):
			return fmt.Errorf("request %d: its reply has %d bytes", n, size)
		}
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
