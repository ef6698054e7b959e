package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
	"motile/servers/log/api"
)

// What a message of the group is, in its header's command.
const (
	msgEntry uint32 = 1 // data: one entry, encoded
	msgMark  uint32 = 2 // Object: somebody joined, and asks for what is before
)

// Config describes a replica.
type Config struct {
	Name       string // of the log
	Replica    int    // number of this one
	Found      bool   // it is the first: it makes the group
	Resilience int
	Members    int              // replicas at most
	Say        func(msg string) // tells people what happens
}

// Replica is one of the processes that have the log.
type Replica struct {
	cfg Config
	g   lib.Group

	mu      sync.Mutex
	changed sync.Cond // the state, or ended
	s       *state
	held    []heldMessage // came while the state before the mark is fetched
	behind  bool
	marked  bool   // our mark has come
	mark    uint64 // it
	ended   error
}

type heldMessage struct {
	h    std.Header
	data []byte
}

const (
	lognbuf    = 7
	logmaxmess = 13
	pageRoom   = 30_000
	servers    = 3 // threads that serve the log's port
)

// Start makes a replica, or returns why there is none. It serves from then on.
func Start(cfg Config) (*Replica, error) {
	r := &Replica{cfg: cfg, s: newState(), behind: !cfg.Found, mark: rand.Uint64()}
	r.changed.L = &r.mu
	var err error
	if cfg.Found {
		r.g, err = lib.GrpCreate(api.GroupPort(cfg.Name), cfg.Resilience, cfg.Members, lognbuf, logmaxmess)
	} else {
		r.g, err = lib.GrpJoin(api.GroupPort(cfg.Name))
	}
	if err != nil {
		return nil, err
	}
	go r.receive()
	if !cfg.Found {
		if err := r.catchUp(); err != nil {
			return nil, err
		}
	}
	go r.serve(api.ReplicaPort(cfg.Name, cfg.Replica))
	for range servers {
		go r.serve(api.Port(cfg.Name))
	}
	return r, nil
}

// Wait returns when the replica is none any more, and why.
func (r *Replica) Wait() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.ended == nil {
		r.changed.Wait()
	}
	return r.ended
}

// receive takes the group's messages, and calls for a reset when a member is gone.
func (r *Replica) receive() {
	buf := make([]byte, 1<<logmaxmess)
	for {
		var h std.Header
		n, _, err := r.g.Receive(&h, buf)
		switch {
		case err == nil:
			r.take(&h, append([]byte(nil), buf[:n]...))
		case errors.Is(err, std.BCAbort):
			if err := r.reset(); err != nil {
				r.end(err)
				return
			}
		default:
			r.end(err)
			return
		}
	}
}

// reset makes a new view, of a majority: a minority might be the other side of a
// broken network.
func (r *Replica) reset() error {
	for {
		in, err := r.g.Info()
		if err != nil {
			return err
		}
		r.say("a member does not answer; making a new view of at least %d of %d", in.Total/2+1, in.Total)
		n, err := r.g.Reset(nil, in.Total/2+1)
		switch {
		case err == nil:
			if in, err = r.g.Info(); err == nil {
				r.say("new view: %d members, sequencer is member %d, this is member %d", n, in.Sequencer, in.Index)
			}
			return err
		case errors.Is(err, std.BCIllReset):
			return nil // there is one already
		case errors.Is(err, std.BCFail):
			if in, err := r.g.Info(); err != nil || in.Running {
				return err
			}
		}
		time.Sleep(time.Second + rand.N(time.Second))
	}
}

// take lets a message change the log. Before the mark of a replica that joins come
// those that the others know already.
func (r *Replica) take(h *std.Header, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.behind {
		if r.marked {
			r.held = append(r.held, heldMessage{*h, data})
		} else if h.Command == msgMark && h.Object == r.mark {
			r.marked = true
		}
	} else {
		r.apply(h, data)
	}
	r.changed.Broadcast()
}

func (r *Replica) apply(h *std.Header, data []byte) {
	switch h.Command {
	case msgMark:
		r.s.mark(h.Object)
	case msgEntry:
		if list, ok := api.Entries(data); ok && len(list) == 1 {
			r.s.add(list[0])
		}
	}
}

// catchUp fetches what the log had before this replica joined: all up to the place
// of its mark in the order. What comes behind it waits.
func (r *Replica) catchUp() error {
	if err := r.send(&std.Header{Command: msgMark, Object: r.mark}, nil); err != nil {
		return err
	}
	reply := make([]byte, 2*pageRoom)
	for from := 0; ; {
		h := std.Header{Port: api.Port(r.cfg.Name).Put(), Command: api.Catch, Object: r.mark, Offset: uint64(from)}
		n, err := lib.Trans(&h, nil, reply)
		if err == nil && h.Status() != std.OK {
			err = h.Status()
		}
		if errors.Is(err, std.NotNow) {
			time.Sleep(20 * time.Millisecond) // the mark has not come to that replica yet
			continue
		}
		if err != nil {
			return err
		}
		list, ok := api.Entries(append([]byte(nil), reply[:n]...))
		if !ok {
			return fmt.Errorf("log %s: what another replica sends makes no sense", r.cfg.Name)
		}
		r.mu.Lock()
		for _, e := range list {
			r.s.add(e)
		}
		from = len(r.s.entries)
		if uint64(from) >= h.Offset {
			r.s.mark(r.mark)
			for r.behind && r.marked && len(r.held) > 0 {
				r.apply(&r.held[0].h, r.held[0].data)
				r.held = r.held[1:]
			}
			r.behind = !r.marked
			over := !r.behind
			r.mu.Unlock()
			if over {
				return nil
			}
			time.Sleep(time.Millisecond)
			continue
		}
		r.mu.Unlock()
	}
}

// send sends to the group, again if the view has ended under it: whoever has it
// already takes no notice.
func (r *Replica) send(h *std.Header, data []byte) error {
	for {
		err := r.g.Send(h, data)
		if !errors.Is(err, std.BCAbort) {
			return err
		}
		time.Sleep(50 * time.Millisecond) // receive calls for the reset
		r.mu.Lock()
		ended := r.ended
		r.mu.Unlock()
		if ended != nil {
			return ended
		}
	}
}

func (r *Replica) end(err error) {
	r.mu.Lock()
	r.ended = err
	r.changed.Broadcast()
	r.mu.Unlock()
}

func (r *Replica) say(format string, args ...any) {
	if r.cfg.Say != nil {
		r.cfg.Say(fmt.Sprintf(format, args...))
	}
}

// serve answers requests to a port.
func (r *Replica) serve(port capability.Port) {
	for {
		err := lib.Serve(port, api.MaxEntry, r.answer)
		if !errors.Is(err, std.Overflow) {
			r.end(err)
			return
		}
		// A request longer than any entry: its sender hears nothing good.
	}
}

func (r *Replica) answer(h *std.Header, data []byte) (reply []byte) {
	q := *h
	*h = std.Header{}
	switch q.Command {
	case api.Append:
		index, err := r.append(&api.Entry{Writer: q.Object, Number: q.Offset, Data: append([]byte(nil), data...)})
		if err != nil {
			h.SetStatus(std.NotNow)
		}
		h.Offset = uint64(index)
	case api.Read:
		r.mu.Lock()
		defer r.mu.Unlock()
		b, n := r.s.page(int(min(q.Offset, 1<<40)), len(r.s.entries), pageRoom)
		h.Offset, h.Extra = uint64(len(r.s.entries)), uint32(n)
		return b
	case api.Catch:
		r.mu.Lock()
		defer r.mu.Unlock()
		to, ok := r.s.marks[q.Object]
		if !ok || r.behind {
			h.SetStatus(std.NotNow)
			return nil
		}
		b, n := r.s.page(int(min(q.Offset, 1<<40)), to, pageRoom)
		h.Offset, h.Extra = uint64(to), uint32(n)
		return b
	case std.Info:
		return []byte(r.info())
	default:
		h.SetStatus(std.ComBad)
	}
	return nil
}

// append adds an entry, and returns its index when this replica has it.
func (r *Replica) append(e *api.Entry) (int, error) {
	r.mu.Lock()
	i, ok := r.s.find(e.Writer, e.Number)
	r.mu.Unlock()
	if ok {
		return i, nil
	}
	if err := r.send(&std.Header{Command: msgEntry}, api.AppendEntry(nil, e)); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if i, ok := r.s.find(e.Writer, e.Number); ok {
			return i, nil
		}
		if r.ended != nil {
			return 0, r.ended
		}
		r.changed.Wait()
	}
}

// info is the line for std_info.
func (r *Replica) info() string {
	in, err := r.g.Info()
	if err != nil {
		return "log " + r.cfg.Name + ": " + err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	role := "member"
	if in.Index == in.Sequencer {
		role = "sequencer"
	}
	return fmt.Sprintf("log %s, replica %d: %v; %s %d of %d", r.cfg.Name, r.cfg.Replica, r.s, role, in.Index, in.Total)
}
