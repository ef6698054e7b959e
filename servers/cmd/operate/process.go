package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"motile/ipc/capability"
	"motile/proc/api"
	"motile/proc/api/client"
)

// Started is what is to be said of a program that was started detached.
type Started struct {
	PID  int32 `json:"pid"`
	Node int   `json:"node"`
}

// Wait waits until a process has ended and returns its exit status, as a shell
// sees it.
func (e *Env) Wait(ctx context.Context, p *client.Process) (status int, err error) {
	end, err := p.End(ctx)
	if err != nil {
		return 0, err
	}
	status = client.ExitStatus(end.Status)
	if e.JSON {
		return status, PrintJSON(e.Out, struct {
			PID    int32       `json:"pid"`
			Status int         `json:"status"`
			Ending string      `json:"ending"`
			Moves  int         `json:"moves"`
			Shaken *api.Shaken `json:"shaken,omitempty"`
		}{p.PID, status, client.Ending(end.Status), end.Moves, end.Shaken})
	}
	return status, nil
}

// Kill sends a signal to processes and process groups, as Targets names them. It
// goes on after one that is not there.
func (e *Env) Kill(ctx context.Context, signal string, ids []int32, capFile string) error {
	signo, err := client.ParseSignal(signal)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range ids {
		if err := e.kill(ctx, signo, id, capFile); err != nil {
			if failed != nil {
				e.warn("%v", failed)
			}
			failed = err
		}
	}
	return failed
}

func (e *Env) kill(ctx context.Context, signo int, id int32, capFile string) error {
	if id < 0 {
		return e.killGroup(ctx, signo, -id, capFile)
	}
	p, err := e.Process(id, capFile)
	if err != nil {
		return err
	}
	return p.Signal(ctx, signo)
}

// killGroup sends a signal to all of a process group, to each as soon as it is found.
// Who has ended before it comes needs none.
func (e *Env) killGroup(ctx context.Context, signo int, pgid int32, capFile string) error {
	nodes, err := e.groupNodes(ctx, pgid, capFile)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	found := 0
	e.Client.GroupMembers(ctx, nodes, pgid, func(p *client.Process) {
		err := p.Signal(ctx, signo)
		mu.Lock()
		defer mu.Unlock()
		found++
		if !client.Gone(err) {
			errs = append(errs, err)
		}
	})
	if found == 0 {
		return noGroup(pgid)
	}
	return errors.Join(errs...)
}

// SignalList prints the names of the signals.
func SignalList(w io.Writer) {
	for i, name := range client.SignalNames() {
		end := "  "
		if i%8 == 7 || i == len(client.SignalNames())-1 {
			end = "\n"
		}
		fmt.Fprintf(w, "%2d %-7s%s", i+1, name, end)
	}
}

// logPiece is how much of a log is asked for at a time.
const logPiece = 64 << 10

// Logs prints a detached process's output; with follow, until it ends.
func (e *Env) Logs(ctx context.Context, p *client.Process, follow bool) error {
	at := int64(0)
	for {
		text, first, err := p.Log(ctx, at, logPiece, follow)
		if err != nil {
			return err
		}
		if first > at {
			e.warn("process %d: %s of its output are not kept any more", p.PID, Size(first-at))
		}
		if len(text) == 0 {
			return nil
		}
		if _, err := e.Out.Write(text); err != nil {
			return err
		}
		at = first + int64(len(text))
	}
}

// Cap prints a capability for a process with some of the owner's rights.
func (e *Env) Cap(pid int32, rights capability.Rights) error {
	c := e.Client.Process(pid).Capability()
	if rights != capability.AllRights {
		c, _ = capability.Restrict(c, rights) // an owner's can always be
	}
	if e.JSON {
		return PrintJSON(e.Out, struct {
			PID        int32  `json:"pid"`
			Rights     string `json:"rights"`
			Capability string `json:"capability"`
		}{pid, c.Rights.String(), c.String()})
	}
	fmt.Fprintln(e.Out, c)
	return nil
}
