package hostio

import (
	"context"
	"testing"
	"time"

	"motile/ipc/fileio"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/tools/flipnode"
)

// user is a process that has an object open, as its node asks for it.
type user struct {
	t   *testing.T
	n   *flipnode.Node
	at  flip.Address
	who fileio.Who
}

// process is a user with a group and session.
func process(t *testing.T, n *flipnode.Node, o interface{ Address() flip.Address }, pid, pgid, sid int32) *user {
	return &user{t, n, o.Address(), fileio.Who{PID: pid, PGID: pgid, SID: sid}}
}

func (u *user) ask(h std.Header, data []byte) (std.Header, []byte) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), 20*time.Second)
	defer cancel()
	r, out, err := u.n.Trans(ctx, u.at, &h, data, 5*time.Second)
	if err != nil {
		u.t.Fatal(err)
	}
	if r.Status() != std.OK {
		u.t.Fatalf("command %d: %v", h.Command, r.Status())
	}
	return r, out
}

func (u *user) read(n int) (string, int) {
	u.t.Helper()
	h, p := u.ask(std.Header{Command: fileio.Read, Offset: fileio.Stream, Size: uint32(n)}, u.who.Append(nil))
	return string(p), int(h.Extra)
}

func (u *user) write(s string) (int, int) {
	u.t.Helper()
	h, _ := u.ask(std.Header{Command: fileio.Write, Offset: fileio.Stream}, append(u.who.Append(nil), s...))
	return int(h.Size), int(h.Extra)
}

func (u *user) control(request uint32, in []byte) ([]byte, int) {
	u.t.Helper()
	h, out := u.ask(std.Header{Command: fileio.Control, Extra: request}, append(u.who.Append(nil), in...))
	return out, int(h.Extra)
}

// now are the events that hold.
func (u *user) now(e events) events {
	u.t.Helper()
	h, _ := u.ask(std.Header{Command: fileio.Poll, Size: uint32(e)}, nil)
	return events(h.Size)
}

// wait waits for one of the events.
func (u *user) wait(e events) events {
	u.t.Helper()
	h, _ := u.ask(std.Header{Command: fileio.Poll, Size: uint32(e), Extra: 1}, nil)
	return events(h.Size)
}

// readAll reads, waiting where there is nothing, until the end.
func (u *user) readAll() (all string) {
	u.t.Helper()
	for {
		s, errno := u.read(fileio.MaxData)
		switch {
		case errno == again:
			u.wait(evIn)
		case errno != 0:
			u.t.Fatalf("error %d", errno)
		case s == "":
			return all
		default:
			all += s
		}
	}
}

// writeAll writes, waiting where there is no room.
func (u *user) writeAll(s string) {
	u.t.Helper()
	for len(s) > 0 {
		n, errno := u.write(s[:min(len(s), fileio.MaxData)])
		if errno == again {
			u.wait(evOut)
		} else if errno != 0 {
			u.t.Fatalf("error %d", errno)
		}
		s = s[n:]
	}
}

// expect checks an outcome.
func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}
