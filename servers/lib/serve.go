package lib

import (
	"errors"
	"runtime"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Serve answers requests to the put-port of get, one at a time, for ever. handle
// gets the header and data of a request and returns those of the reply. Several
// goroutines may serve one port.
func Serve(get capability.Port, room int, handle func(h *std.Header, data []byte) []byte) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, room)
	for {
		var h std.Header
		n, err := GetReq(get, &h, buf)
		if errors.Is(err, std.Overflow) {
			continue // the request was too long, and its client has been told
		}
		if err != nil {
			return err
		}
		reply := handle(&h, buf[:n])
		if err := PutRep(&h, reply); err != nil {
			return err
		}
	}
}

// ServeAside is Serve for one of several goroutines that have something to do: while it
// waits for a request the others run, at once.
func ServeAside(get capability.Port, room int, handle func(h *std.Header, data []byte) []byte) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, room)
	var h std.Header
	n, err := getReqAside(get, &h, buf)
	for {
		switch {
		case errors.Is(err, std.Overflow):
			n, err = getReqAside(get, &h, buf)
		case err != nil:
			return err
		default:
			n, err = replyAside(get, &h, handle(&h, buf[:n]), buf)
		}
	}
}
