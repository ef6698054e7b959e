package file

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/servers/lib"
)

// Name is what the service is called: its port is the cluster key's by that name.
const Name = "file"

// patience is how long a node is looked for that is to be recalled.
const patience = 3 * time.Second

// threads is how many requests are served at a time. All but those that wait for a node
// to be recalled, or for storage, take turns.
const threads = 16

// Running is a server and the loop around it.
type Running struct {
	key api.Key
	say func(format string, args ...any)
	mu  sync.Mutex // guards s, and what follows
	s   *Server

	// Of one with storage.
	keeper   *Keeper // persist's; nil: there is none
	cache    int64
	ready    sync.Cond // something has become safe, or failed, or somebody wants it to be
	mend     bool      // a disk has answered again, or has not all yet
	wanted   uint64    // all up to this one is to be safe soon
	failures int
	err      error // of the last
}

// NewRunning makes the loop of a server. say gets lines for people.
func NewRunning(key api.Key, s *Server, say func(format string, args ...any)) *Running {
	return &Running{key: key, s: s, say: say}
}

// Run serves until something fails.
func (r *Running) Run() error {
	ended := make(chan error, threads+1)
	if r.keeper != nil {
		go func() { ended <- r.persist() }()
	}
	for range threads {
		go func() { ended <- r.serve() }()
	}
	go r.look()
	r.say("serving")
	return <-ended
}

// serve answers requests, one after the other.
func (r *Running) serve() error {
	runtime.LockOSThread() // a reply comes from the thread that has the request
	defer runtime.UnlockOSThread()
	if _, err := lib.Timeout(patience); err != nil {
		return fmt.Errorf("setting the patience of a thread: %w", err)
	}
	return lib.ServeAside(r.key.ServicePort(Name, 0), filesys.MaxData+4096, r.do)
}

func (r *Running) do(h *std.Header, data []byte) []byte {
	for {
		r.mu.Lock()
		reply, recalls := r.s.Do(time.Now().UnixNano(), h, data)
		again, err := r.wait(r.s.Need())
		r.mu.Unlock()
		if err != nil {
			failed(h, err)
			return nil
		}
		if len(recalls) == 0 && !again {
			return reply
		}
		for _, c := range recalls {
			r.recall(c)
		}
	}
}

// wait does what a request waits for. Then it is to come again, or can be answered.
// Preconditions: mu is held.
func (r *Running) wait(need Need) (again bool, err error) {
	switch {
	case len(need.Fetch) > 0:
		return true, r.fetch(need.Fetch)
	case need.Room:
		return true, r.room()
	case need.Safe:
		return false, r.safe()
	}
	return false, nil
}

// recall tells a node to forget the pages of an inode. One that is not there has not heard
// from us for Lease either, and believes its pages no more.
func (r *Running) recall(c Recall) (there bool) {
	h := std.Header{Command: filesys.Recall, Offset: c.Object}
	err := r.ask(c.Node, &h, c.Stamp)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return !r.s.Unreached(c)
	}
	r.s.Recalled(c, h.Extra == 1)
	return true
}

func (r *Running) ask(node uint32, h *std.Header, stamp uint64) error {
	q := filesys.Recalled{Port: r.key.ServicePort(Name, 0).Put(), Stamp: stamp}
	h.SetCapability(r.key.NodeCap(int(node)))
	if _, err := lib.Trans(h, q.Append(nil), nil); err != nil {
		return err
	}
	if s := h.Status(); s != std.OK {
		return s
	}
	return nil
}

// lookEvery is how often nodes that have something open are asked whether they are there.
const lookEvery = 30 * time.Second

// look notices nodes that have died, and has files go that were removed in a former life
// of the server while nodes had them open, perhaps. A server that does not live so long
// leaves them to the next: in its first seconds a node that does not answer may be one
// that it is only cut off from.
func (r *Running) look() {
	for range time.Tick(lookEvery) {
		r.mu.Lock()
		doubts := r.s.Doubts()
		r.mu.Unlock()
		lost := make(map[uint32]bool) // its doubts are all settled with that
		for _, c := range doubts {
			if !lost[c.Node] {
				lost[c.Node] = !r.recall(c)
			}
		}
		r.mu.Lock()
		nodes, stamp := r.s.Openers(), r.s.stamp
		r.mu.Unlock()
		for _, node := range nodes {
			h := std.Header{Command: filesys.Recall, Offset: 0} // of the root: nobody has pages of that
			if err := r.ask(node, &h, 0); err != nil {
				r.mu.Lock()
				r.s.Unreached(Recall{Node: node, Stamp: stamp})
				r.mu.Unlock()
			}
		}
	}
}
