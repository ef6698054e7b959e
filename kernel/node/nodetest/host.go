package nodetest

import (
	"bytes"
	"flag"

	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// Host is the host's end of the network: it serves output objects, and gives
// orders to nodes.
type Host struct {
	w     *World
	m     *rpc.Machine
	self  *rpc.Endpoint
	calls map[uint32]func(rpc.Complete)

	performing bool

	Strategy string // of the moves that it orders
}

// strategy has all tests of this package move processes in another way: each must pass with
// each.
var strategy = flag.String("strategy", "copy", "how processes move, unless a test says so itself")

// leaves reports whether processes move without some of their memory.
func leaves() bool { return *strategy != "copy" && *strategy != "precopy" && *strategy != "auto" }

// Object collects what processes write to it.
type Object struct {
	Out []byte
	In  []byte // what reads get
	EOF bool

	h     *Host
	ep    *rpc.Endpoint
	polls []rpc.Handle
}

func newHost(w *World) *Host {
	h := &Host{w: w, calls: make(map[uint32]func(rpc.Complete)), Strategy: *strategy}
	box := flip.NewBox(flip.Config{Rand: w.rng.Uint64, Links: []flip.Link{{MAC: mac(0), MTU: 9000}}})
	h.m = rpc.New(0, rpc.Config{Box: box, Rand: w.rng.Uint64})
	h.self = h.m.Open(0, rpc.Options{Owner: h})
	clock := h.m.Open(0, rpc.Options{Owner: h, Public: w.Key.HostAddress(), Upcall: true})
	_ = clock
	return h
}

func (h *Host) input(data []byte) {
	h.m.Input(h.w.Now, 0, data)
	h.perform()
}

func (h *Host) tick() {
	if h.m.NextDeadline() <= h.w.Now {
		h.m.Tick(h.w.Now)
		h.perform()
	}
}

func (h *Host) perform() {
	if h.performing {
		return // further out on the stack it is under way
	}
	h.performing = true
	defer func() { h.performing = false }()
	out := &h.m.Out
	f, c, r := 0, 0, 0
	for {
		for ; f < len(h.m.Frames()); f++ {
			fr := &h.m.Frames()[f]
			h.w.send(0, join([][]byte{fr.Head(), fr.Body}))
		}
		switch {
		case c < len(out.Completes):
			e := out.Completes[c]
			c++
			done := h.calls[e.Slot]
			delete(h.calls, e.Slot)
			done(e)
		case r < len(out.Requests):
			q := out.Requests[r]
			r++
			h.serve(q)
		default:
			h.m.Reset()
			return
		}
	}
}

func (h *Host) serve(r rpc.Incoming) {
	if s, ok := r.Endpoint.Owner.(interface{ answer(rpc.Incoming) }); ok {
		s.answer(r)
		return
	}
	if o, ok := r.Endpoint.Owner.(*Owner); ok {
		o.Told = append(o.Told, r.Header)
		o.Data = append(o.Data, bytes.Clone(r.Data))
		reply := &std.Header{Size: uint32(len(o.With))}
		reply.SetStatus(o.Answer)
		h.m.Reply(h.w.Now, r.Handle, reply, o.With)
		return
	}
	o, ok := r.Endpoint.Owner.(*Object)
	if !ok { // the clock
		h.m.Reply(h.w.Now, r.Handle, &std.Header{Offset: uint64(1_800_000_000e9 + h.w.Now)}, nil)
		return
	}
	switch r.Header.Command {
	case fileio.Write:
		_, data, _ := fileio.DecodeWho(r.Data)
		o.Out = append(o.Out, data...)
		h.m.Reply(h.w.Now, r.Handle, &std.Header{Size: uint32(len(data))}, nil)
	case fileio.Read:
		n := min(len(o.In), int(r.Header.Size))
		if n == 0 && !o.EOF {
			h.m.Reply(h.w.Now, r.Handle, &std.Header{Extra: 11}, nil)
			return
		}
		p := append([]byte(nil), o.In[:n]...)
		o.In = o.In[n:]
		h.m.Reply(h.w.Now, r.Handle, &std.Header{Size: uint32(n)}, p)
	case fileio.Poll:
		got := uint32(4)
		if len(o.In) > 0 || o.EOF {
			got |= 1
		}
		if got &= r.Header.Size; got == 0 && r.Header.Extra == 1 {
			o.polls = append(o.polls, r.Handle)
			return
		}
		h.m.Reply(h.w.Now, r.Handle, &std.Header{Size: got}, nil)
	default:
		h.m.Reply(h.w.Now, r.Handle, &std.Header{Extra: 22}, nil)
	}
}

// NewObject makes an object that nodes can write to and read from.
func (h *Host) NewObject() *Object {
	o := &Object{h: h}
	o.ep = h.m.Open(h.w.Now, rpc.Options{Owner: o, Upcall: true})
	h.perform()
	return o
}

// Owner is somebody who owns processes and keeps what he is told.
type Owner struct {
	Port capability.Port // put-port
	Told []std.Header
	Data [][]byte

	Answer std.Status // what he says
	With   []byte
}

// NewOwner makes an owner.
func (h *Host) NewOwner() *Owner {
	o := &Owner{Port: capability.Port{15: 7}.Put()}
	ep := h.m.Open(h.w.Now, rpc.Options{Owner: o, Upcall: true})
	h.m.Listen(h.w.Now, ep, o.Port)
	h.perform()
	return o
}

// cap is the capability that makes him an owner.
func (o *Owner) cap() []byte {
	c := capability.Owner(o.Port, 1, capability.Secret{1})
	return c.Append(nil)
}

// Feed gives readers something.
func (o *Object) Feed(s string) {
	o.In = append(o.In, s...)
	for _, p := range o.polls {
		o.h.m.Reply(o.h.w.Now, p, &std.Header{Size: 1}, nil)
	}
	o.polls = nil
	o.h.perform()
}

func fileRef(o *Object) api.FileRef {
	a := o.ep.Address()
	return api.FileRef{Address: a[:]}
}

// Ask is a transaction with an address; done gets its end.
func (h *Host) Ask(to flip.Address, hd *std.Header, data []byte, done func(rpc.Complete)) {
	slot := uint32(1)
	for h.calls[slot] != nil {
		slot++
	}
	h.calls[slot] = done
	if s := h.m.Trans(h.w.Now, h.self, slot, to, hd, data, 0); s != rpc.Wait {
		delete(h.calls, slot)
		done(rpc.Complete{Status: s})
		return
	}
	h.perform()
}

// Migrate orders a move; done gets the report.
func (h *Host) Migrate(pid int32, from, to int, done func(api.MigrateReply)) {
	h.migrate(api.MigrateRequest{PID: pid, Target: to}, from, done)
}

// MigrateTree orders a move of processes with all their descendants.
func (h *Host) MigrateTree(pids []int32, from, to int, done func(api.MigrateReply)) {
	q := api.MigrateRequest{PID: pids[0], Target: to, Tree: true}
	for _, pid := range pids[1:] {
		c := h.w.Key.ProcessCap(pid)
		q.With = append(q.With, c.Append(nil))
	}
	h.migrate(q, from, done)
}

func (h *Host) migrate(q api.MigrateRequest, from int, done func(api.MigrateReply)) {
	c := h.w.Key.ProcessCap(q.PID)
	q.Cap = c.Append(nil)
	if q.Strategy == "" {
		q.Strategy = h.Strategy
	}
	data, _ := image.Marshal(q)
	hd := &std.Header{Command: api.Migrate}
	hd.SetCapability(h.w.Key.NodeCap(from))
	h.Ask(h.w.Key.NodeAddress(from), hd, data, func(e rpc.Complete) {
		r := api.MigrateReply{Error: e.Status.String()}
		if e.Status == std.OK && e.Header.Status() == std.OK {
			r = api.MigrateReply{}
			if err := image.Unmarshal(e.Data, &r); err != nil {
				r.Error = err.Error()
			}
		} else if e.Status == std.OK {
			r.Error = e.Header.Status().String()
		}
		done(r)
	})
}

// process sends a command to a process, wherever it is.
func (h *Host) process(pid int32, command uint32, done func(rpc.Complete)) {
	hd := &std.Header{Command: command}
	hd.SetCapability(h.w.Key.ProcessCap(pid))
	h.Ask(h.w.Key.ProcessAddress(pid), hd, nil, done)
}

// Move moves a process and waits until that is over. It fails the test if it fails.
func (w *World) Move(pid int32, to int) api.MigrateReply {
	w.T.Helper()
	from := w.On(pid)
	var reply *api.MigrateReply
	w.Host.Migrate(pid, from, to, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(60e9, "moved", func() bool { return reply != nil })
	if reply.Error != "" {
		w.T.Fatalf("moving %d from node %d to %d: %s\n%s", pid, from, to, reply.Error, w.Describe())
	}
	return *reply
}
