package soap

import (
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/servers/lib"
)

// Config describes a replica.
type Config struct {
	Key      api.Key
	Replica  int              // its number
	Replicas []int            // the numbers of all
	Store    Store            // where it keeps its state; nil: in memory only
	Say      func(msg string) // tells people what happens
}

// Server is a process that serves directories: one of the replicas, or the only one.
//
//	server.go   what a client asks
//	replica.go  the group: finding it, being a member, losing it
//	peers.go    what replicas ask each other
//	persist.go  bringing the state to the disk
type Server struct {
	cfg  Config
	weak weakened

	mu        sync.Mutex
	waiting   []*waiter  // for something below
	pending   []*pending // updates of our clients
	sending   bool       // some of them are being sent to the group
	s         *State
	began     time.Time // this replica knows of all its watchers since
	recovered bool      // there may have been some before
	watchers  watchers
	good      bool // s may be read: this replica has been in a group, or needs none
	opened    bool // clients are served

	// Of the group.
	group    *membership   // nil: it is in none
	promised uint64        // on disk, or it has not been told anybody
	known    map[int]Kept  // how far the others' disks are
	heard    map[int]asked // what the others reported last
	last     map[int]asked // … of those who were in a group

	// Of the disk, which persist owns.
	keeper *Keeper
	kept   Kept
	whole  bool // all must be written: the disk has another state
}

// asked is a report and when it came.
type asked struct {
	Report
	at time.Time
}

// NewServer makes a server, with what it has kept.
func NewServer(cfg Config) (*Server, error) {
	v := &Server{cfg: cfg, known: make(map[int]Kept), heard: make(map[int]asked), last: make(map[int]asked), began: time.Now()}
	v.s = v.newState()
	if cfg.Store != nil {
		k, err := OpenKeeper(cfg.Store, v.s)
		if err != nil {
			return nil, err
		}
		v.keeper, v.kept, v.promised = k, k.Kept, k.Kept.Promised
		v.recovered = k.Kept != Kept{}
	}
	if len(cfg.Replicas) == 1 {
		v.s.Epoch = max(v.s.Epoch, 1) // it knows all there is to know
	}
	v.tellWatchers()
	return v, nil
}

// tellWatchers has the state's changes told to those who watch. Preconditions: mu is held.
func (v *Server) tellWatchers() {
	s := v.s
	s.about = v.about
	s.changing = func(dir uint64) { v.watchers.changed(dir, s.Seq-1) }
}

// about describes this replica. Preconditions: mu is held.
func (v *Server) about() string {
	text := fmt.Sprintf("replica %d of %d\nupdates_on_disk %d\nwatchers %d\n", v.cfg.Replica, len(v.cfg.Replicas), v.kept.Seq, len(v.watchers.byID))
	if v.cfg.Store == nil {
		text += "disk none\n"
	}
	if v.group != nil {
		if in, err := v.group.g.Info(); err == nil {
			text += fmt.Sprintf("group_members %d\ngroup_sequencer %t\n", in.Total, in.Index == in.Sequencer)
		}
	} else if len(v.cfg.Replicas) > 1 {
		text += "group_members 0\n"
	}
	return text
}

func (v *Server) newState() *State {
	s := NewState(v.put(), v.cfg.Key.ServiceSecret("soap", 0))
	s.Refused(func(c capability.Capability, command uint32, st std.Status) {
		v.say("refused: command %d for directory %d: %v", command, c.Object, st)
	})
	s.journals = v.cfg.Store != nil
	return s
}

func (v *Server) put() capability.Port { return v.cfg.Key.ServicePort("soap", 0).Put() }

// serving is how many requests are answered at once. Most wait for others, not for us.
const serving = 8

// Serve answers requests, for ever.
func (v *Server) Serve() error {
	end := make(chan error, 1)
	go v.persist()
	go v.clock()
	for range serving + 2*len(v.cfg.Replicas) + maxWatchers {
		go func() { end <- lib.Serve(v.replicaPort(v.cfg.Replica), std.SoapMaxData+1024, v.peer) }()
	}
	if len(v.cfg.Replicas) > 1 {
		go v.live(end)
	} else {
		v.open(end)
	}
	return <-end
}

// open begins to serve clients.
func (v *Server) open(end chan<- error) {
	v.mu.Lock()
	v.good = true
	opened := v.opened
	v.opened = true
	v.mu.Unlock()
	if opened {
		return
	}
	for range serving {
		go func() { end <- lib.Serve(v.cfg.Key.ServicePort("soap", 0), std.SoapMaxData, v.answer) }()
	}
	v.say("serving")
}

// answer is a client's request.
func (v *Server) answer(h *std.Header, data []byte) []byte {
	if p := v.proxy(); p != 0 {
		return v.passOn(p, h, data)
	}
	return v.carryOut(h, data)
}

// carryOut answers a request here.
func (v *Server) carryOut(h *std.Header, data []byte) []byte {
	if h.Command == std.SoapWatch {
		return v.watch(h)
	}
	if !v.current() {
		*h = status(std.SoapUnavail)
		return nil
	}
	if IsUpdate(h.Command) {
		*h = v.update(h, data)
		return nil
	}
	watcher := h.Offset
	v.mu.Lock()
	a := v.s.Read(h, data)
	if visited := a.visited(); watcher != 0 && visited != nil && v.grants() && v.watchers.looked(watcher, visited, time.Now()) {
		a.Header.Extra = 1
	}
	v.mu.Unlock()
	a.Finish(v.weaken)
	*h = a.Header
	return a.Data
}

func status(st std.Status) (h std.Header) {
	h.SetStatus(st)
	return h
}

// patience is how long an update may take. Then it may still be carried out: whoever asks
// again under its number learns what came of it.
const patience = 10 * time.Second

// update has all replicas carry out an update, and returns the reply when a majority has
// it on disk.
func (v *Server) update(h *std.Header, data []byte) std.Header {
	v.mu.Lock()
	st := v.s.Permits(h)
	v.mu.Unlock()
	if st != std.OK {
		return status(st)
	}
	p := &pending{u: newUpdate(h, data)}
	deadline := time.Now().Add(patience)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pending = append(v.pending, p)
	defer func() { v.pending = slices.DeleteFunc(v.pending, func(x *pending) bool { return x == p }) }()
	if st := v.order(p, deadline); st != std.OK {
		return status(st)
	}
	over := func() bool { return v.group != p.in || p.seq != 0 && p.epoch != v.s.Epoch }
	there := func() bool { return p.seq != 0 && v.safe(p.epoch, p.seq) && v.forgotten(p.epoch, p.seq) }
	if !v.await(deadline, func() bool { return over() || there() }) || over() {
		return status(std.SoapUnavail)
	}
	return p.reply
}

// apply carries an update out. Preconditions: mu is held.
func (v *Server) apply(u *Update) {
	reply := v.s.Apply(u)
	for _, p := range v.pending {
		if p.u.Header.Offset == u.Header.Offset {
			p.reply, p.epoch, p.seq = reply, v.s.Epoch, v.s.Seq
		}
	}
	if v.keeper == nil {
		v.s.Changed()
		v.kept = v.present()
	}
}

// wanted is the update up to which clients wait for the others' disks; 0: none does.
// Preconditions: mu is held.
func (v *Server) wanted() (seq uint64) {
	for _, p := range v.pending {
		seq = max(seq, p.seq)
	}
	return seq
}

// safe reports whether all up to an update is on the disks of a majority. Preconditions:
// mu is held.
func (v *Server) safe(epoch, seq uint64) bool {
	v.known[v.cfg.Replica] = v.kept
	return safe(epoch, seq, v.known, len(v.cfg.Replicas))
}

// newUpdate makes an update of a request.
func newUpdate(h *std.Header, data []byte) *Update {
	u := &Update{Header: *h, Data: data, Stamp: Stamp{NowMs: time.Now().UnixMilli(), Secret: capability.NewSecret(random)}}
	for u.Header.Offset == 0 {
		u.Header.Offset = random()
	}
	return u
}

func random() uint64 {
	var b [8]byte
	crand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

func (v *Server) say(format string, args ...any) {
	if v.cfg.Say != nil {
		v.cfg.Say(fmt.Sprintf(format, args...))
	}
}
