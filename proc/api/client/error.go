package client

import (
	"context"
	"errors"
	"fmt"
	"os"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
)

// Error is a request that did not succeed.
type Error struct {
	Object string // whom it was for: "node 2", "process 1000007"
	Why    string // and what to do about it
	Err    error  // a std.Status, or what the network said
}

func (e *Error) Error() string { return e.Object + ": " + e.Why }

func (e *Error) Unwrap() error { return e.Err }

// Gone reports whether an error says that nobody answers for the object.
func Gone(err error) bool { return errors.Is(err, std.RPCNotFound) }

// Lost reports whether the object stopped answering in the middle of something.
func Lost(err error) bool { return errors.Is(err, std.RPCFailure) }

// failed explains why a command had no success.
func (o *object) failed(command uint32, err error) error {
	return &Error{o.name, o.explain(command, err), err}
}

func (o *object) explain(command uint32, err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return "did not answer in time"
	}
	var s std.Status
	if !errors.As(err, &s) {
		return err.Error()
	}
	switch s {
	case std.RPCNotFound:
		return o.gone
	case std.RPCFailure:
		return "was lost while it worked on the request, which may have been carried out or not (motile nodes shows who is up)"
	case std.Denied:
		return lacks(o.right(command) &^ o.cap.Rights)
	case std.CapBad:
		return "the capability does not fit: was it made for another cluster, or changed?"
	case std.ComBad:
		if command >= std.Monitor && command <= std.NTouch {
			return "does not know that command: it makes no sense for such an object"
		}
		return fmt.Sprintf("does not know request %d: kernel and tools are of different versions (make, and start the cluster again)", command)
	case std.ArgBad:
		return "refuses the arguments"
	case std.NotNow:
		return "cannot do that at present: it is on its way to another node, or has ended"
	case std.NoMem, std.NoSpace, std.RPCTryAgain:
		return "has no memory for that at present"
	case std.WriteProt:
		if command == std.SetParams {
			return "has that parameter only to be looked at"
		}
	case std.NotFound:
		if command == std.SetParams {
			return "has no parameter of that name (std getparams lists them)"
		}
		if command == api.ReadLog {
			return "has no log: only what was started detached has one"
		}
	case std.Overflow:
		return "that is too long"
	}
	return s.String()
}

func lacks(r capability.Rights) string {
	if r == 0 {
		return "the capability lacks a right for that: use the owner's"
	}
	return fmt.Sprintf("the capability lacks %v: use one with that right, or the owner's", r)
}
