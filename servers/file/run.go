package file

import (
	"errors"
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
// to be recalled take turns.
const threads = 8

// Running is a server and the loop around it.
type Running struct {
	key api.Key
	mu  sync.Mutex // guards s
	s   *Server
}

// Run serves until something fails. say gets lines for people.
func Run(key api.Key, s *Server, say func(format string, args ...any)) error {
	r := &Running{key: key, s: s}
	ended := make(chan error, threads)
	for range threads {
		go func() { ended <- r.serve() }()
	}
	go r.look()
	say("serving")
	return <-ended
}

// serve answers requests, one after the other.
func (r *Running) serve() error {
	runtime.LockOSThread() // a reply comes from the thread that has the request
	defer runtime.UnlockOSThread()
	if _, err := lib.Timeout(patience); err != nil {
		return fmt.Errorf("setting the patience of a thread: %w", err)
	}
	get := r.key.ServicePort(Name, 0)
	buf := make([]byte, filesys.MaxData+4096)
	for {
		var h std.Header
		n, err := lib.GetReq(get, &h, buf)
		if errors.Is(err, std.Overflow) {
			continue // the request was too long, and its client has been told
		}
		if err != nil {
			return fmt.Errorf("getreq: %w", err)
		}
		reply := r.do(&h, buf[:n])
		if err := lib.PutRep(&h, reply); err != nil {
			return fmt.Errorf("putrep: %w", err)
		}
	}
}

func (r *Running) do(h *std.Header, data []byte) []byte {
	for {
		r.mu.Lock()
		reply, recalls := r.s.Do(time.Now().UnixNano(), h, data)
		r.mu.Unlock()
		if len(recalls) == 0 {
			return reply
		}
		for _, c := range recalls {
			r.recall(c)
		}
	}
}

// recall tells a node to forget the pages of an inode. One that does not answer has not
// heard from us for Lease either, and believes its pages no more.
func (r *Running) recall(c Recall) {
	h := std.Header{Command: filesys.Recall, Offset: c.Object}
	err := r.ask(c.Node, &h, c.Stamp)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.s.Lost(c.Node)
		return
	}
	r.s.Recalled(c, h.Extra == 1)
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

// look notices nodes that have died.
func (r *Running) look() {
	for range time.Tick(lookEvery) {
		r.mu.Lock()
		nodes := r.s.Openers()
		r.mu.Unlock()
		for _, node := range nodes {
			h := std.Header{Command: filesys.Recall, Offset: 0} // of the root: nobody has pages of that
			if err := r.ask(node, &h, 0); err != nil {
				r.mu.Lock()
				r.s.Lost(node)
				r.mu.Unlock()
			}
		}
	}
}
