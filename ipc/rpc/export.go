package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// State is an endpoint as a value: what Export takes from the source and Import
// gives to the target. It holds no pointers into the machine but the data of
// messages, and no points in time, only ages and remaining times. It contains
// secrets: the private address and get-ports.
type State struct {
	Identity flip.Identity
	Upcall   bool
	NextTid  uint64
	Horizon  int64 // ns before now; -1 if nothing was ever purged
	Clients  []ClientState
	Servers  []ServerState
	Rows     []RowState
	Bindings []BindingState
}

// ClientState is a transaction that has not ended.
type ClientState struct {
	Slot               uint32
	Phase              uint8
	Tid                uint64
	Port               capability.Port
	Addr               flip.Address // demanded server
	Header             std.Header   // of the request; while fetching, of the reply
	Data               []byte       // while it is needed, and not in Memory
	Size               uint32       // of the request's data
	Long               bool         // it stays in Memory
	Room               uint32
	Forwards           uint8
	Secure             bool
	Deadline           int64 // time left; -1 if there is none
	Pull               PullState
	Server             flip.Address // once asked
	Left               int64        // patience
	Backoff            int64
	Tries              uint32
	Age                int64 // since the first REQUEST left
	Signals, Signalled uint16
}

// ServerState is a thread in getreq or putrep, or between the two.
type ServerState struct {
	Slot  uint32
	Phase uint8
	Get   capability.Port
	Room  uint32
	Row   int32 // index of its row; -1 if its client has given up, or it is waiting
}

// PullState is how far the data of a long message has been pulled. Size is 0 if
// none is.
type PullState struct {
	Size, Part, Base, Have uint32
}

// RowState is a row of the duplicate window.
type RowState struct {
	Client  flip.Address
	Slot    uint32
	Phase   uint8
	Tid     uint64
	Age     int64
	Signals uint16
	Secure  bool
	Given   bool       // of a reply: repeating it was given up
	Header  std.Header // of a reply, or of a request being received
	Data    []byte
	Size    uint32 // of a long reply
	Pull    PullState
	Forward bool // instead of a reply: to
	Port    capability.Port
	Addr    flip.Address
}

// BindingState is a port that the endpoint serves.
type BindingState struct {
	Port   capability.Port
	Always bool
	Age    int64 // since a thread last called getreq for it
}

// Export returns the state of a frozen endpoint. The epoch in it is already that
// of the next place. The caller encodes it, or imports it elsewhere, before it
// calls the machine again.
func (m *Machine) Export(ep *Endpoint) (*State, bool) {
	if ep.phase != frozen {
		return nil, false
	}
	return m.export(ep, ep.stopped)
}

// Look returns the state of an endpoint as it is, running or not, and changes nothing:
// for who wants to see it. It is not for Import: what is under way is not settled.
func (m *Machine) Look(now int64, ep *Endpoint) (*State, bool) {
	if ep.phase == frozen {
		now = ep.stopped
	}
	return m.export(ep, now)
}

func (m *Machine) export(ep *Endpoint, now int64) (*State, bool) {
	id, ok := m.box.Export(ep.addr)
	if !ok {
		return nil, false
	}
	id.Epoch++
	st := &State{Identity: id, Upcall: ep.upcall, NextTid: ep.nextTid, Horizon: -1}
	if ep.horizon != nothingForgotten {
		st.Horizon = max(now-ep.horizon, 0)
	}
	for _, c := range ep.clients {
		if c != nil && c.phase != idle {
			st.Clients = append(st.Clients, c.export(now))
		}
	}
	index := make(map[*row]int32)
	ep.rows.all(func(r *row) {
		index[r] = int32(len(st.Rows))
		st.Rows = append(st.Rows, r.export(now))
	})
	for _, s := range ep.servers {
		if s == nil || s.phase == notServing {
			continue
		}
		x := ServerState{Slot: s.slot, Phase: uint8(s.phase), Get: s.get, Room: s.room, Row: -1}
		if i, ok := index[s.row]; ok && s.row != nil {
			x.Row = i
		}
		st.Servers = append(st.Servers, x)
	}
	for _, b := range ep.bindings {
		st.Bindings = append(st.Bindings, BindingState{Port: b.port.id, Always: b.always, Age: now - b.lastUse})
	}
	return st, true
}

func (c *client) export(now int64) ClientState {
	return ClientState{Slot: c.slot, Phase: uint8(c.phase), Tid: c.tid, Port: c.port, Addr: c.addr,
		Header: c.hdr, Data: c.data, Size: c.size, Long: c.long, Room: c.room, Forwards: c.forwards, Secure: c.secure,
		Deadline: c.timeLeft(now), Pull: c.in.export(), Server: c.server, Left: c.left, Backoff: c.backoff,
		Tries: uint32(c.tries), Age: now - c.sentAt, Signals: c.signals, Signalled: c.signalled}
}

func (f *inflow) export() PullState {
	if f == nil {
		return PullState{}
	}
	return PullState{Size: f.size, Part: f.part, Base: f.base, Have: f.have}
}

func (p *PullState) inflow() *inflow {
	if p.Size == 0 {
		return nil
	}
	return &inflow{size: p.Size, part: p.Part, base: p.Base, have: p.Have}
}

// acceptable reports whether something is pulled if and only if it should be, and
// not all of it has arrived.
func (p *PullState) acceptable(pulls bool) bool {
	if !pulls || p.Size == 0 {
		return !pulls && *p == PullState{}
	}
	f := p.inflow()
	return p.Part > 0 && p.Part <= maxPartBytes && p.Base < f.parts() &&
		p.Have>>min(pullWindow, f.parts()-p.Base) == 0 && p.Have&1 == 0
}

func (r *row) export(now int64) RowState {
	x := RowState{Client: r.client, Slot: r.slot, Phase: uint8(r.phase), Tid: r.tid,
		Age: now - r.at, Signals: r.signals, Secure: r.secure, Pull: r.in.export()}
	switch r.phase {
	case receiving:
		x.Header = r.hdr
	case replied:
		x.Given = r.tries == 0
		x.Header, x.Data, x.Size = r.hdr, r.data, r.size
		if f := r.forward; f != nil {
			x.Header = std.Header{}
			x.Forward, x.Port, x.Addr = true, f.port, f.addr
		}
	}
	return x
}

// Import makes an endpoint from a state that came from another node. It answers
// nobody and no timer of it runs until Activate. Import returns nil, and changes
// nothing, if the state makes no sense or the address is in use here.
func (m *Machine) Import(now int64, owner any, st *State) *Endpoint {
	if _, ok := owner.(Memory); !m.acceptable(st) || !ok && st.needsMemory() {
		return nil
	}
	ep := &Endpoint{Owner: owner, addr: st.Identity.Public, phase: imported, upcall: st.Upcall,
		nextTid: st.NextTid, horizon: nothingForgotten, stopped: now, identity: st.Identity}
	ep.memory, _ = owner.(Memory)
	if st.Horizon >= 0 {
		ep.horizon = now - st.Horizon
	}
	for i := range st.Bindings {
		x := &st.Bindings[i]
		p := m.portFor(x.Port)
		if p == nil {
			m.unbindAll(ep)
			return nil
		}
		b := m.bind(ep, p)
		b.always, b.lastUse = x.Always, now-x.Age
	}
	for i := range st.Clients {
		m.importClient(now, ep, &st.Clients[i])
	}
	all := make([]*row, len(st.Rows))
	for i := range st.Rows {
		all[i] = m.importRow(now, ep, &st.Rows[i])
	}
	for i := range st.Servers {
		m.importServer(now, ep, &st.Servers[i], all)
	}
	m.enter(ep)
	return ep
}

// acceptable checks all that Import relies on.
func (m *Machine) acceptable(st *State) bool {
	id := &st.Identity
	if id.Public.IsNull() || (!id.Private.IsNull() && id.Private.Public() != id.Public) {
		return false
	}
	if m.endpoints.Get((*[16]byte)(&id.Public)) != nil || len(st.Rows) > m.cfg.MaxRows || len(st.Servers) > m.cfg.MaxSlots || len(st.Bindings) > m.cfg.MaxPorts {
		return false
	}
	ports := make(map[capability.Port]bool)
	for i := range st.Bindings {
		if b := &st.Bindings[i]; b.Port.IsNull() || ports[b.Port] || b.Age < 0 {
			return false
		}
		ports[st.Bindings[i].Port] = true
	}
	if !m.acceptableClients(st) {
		return false
	}
	workers, ok := m.acceptableServers(st, ports)
	return ok && acceptableRows(st, workers)
}

func (m *Machine) acceptableClients(st *State) bool {
	slots := make(map[uint32]bool)
	for i := range st.Clients {
		c := &st.Clients[i]
		if int64(c.Slot) >= int64(m.cfg.MaxSlots) || slots[c.Slot] || c.Tid > st.NextTid || c.Age < 0 ||
			c.Phase < uint8(seeking) || c.Phase > uint8(fetching) ||
			len(c.Data) > m.Whole() || len(c.Data) > 0 && len(c.Data) != int(c.Size) || c.Long && len(c.Data) > 0 ||
			c.Deadline < -1 || !c.Pull.acceptable(c.Phase == uint8(fetching)) ||
			(c.Phase == uint8(seeking) && c.Addr.IsNull() && c.Port.IsNull()) ||
			(c.Phase != uint8(seeking) && c.Server.IsNull()) {
			return false
		}
		slots[c.Slot] = true
	}
	return true
}

// acceptableServers also says which rows have a thread.
func (m *Machine) acceptableServers(st *State, ports map[capability.Port]bool) (workers map[int32]serverPhase, ok bool) {
	workers = make(map[int32]serverPhase)
	slots := make(map[uint32]bool)
	for i := range st.Servers {
		s := &st.Servers[i]
		phase := serverPhase(s.Phase)
		if int64(s.Slot) >= int64(m.cfg.MaxSlots) || slots[s.Slot] || s.Get.IsNull() || st.Upcall ||
			phase < waiting || phase > taking || !ports[s.Get.Put()] {
			return nil, false
		}
		slots[s.Slot] = true
		if s.Row == -1 && (phase == waiting || phase == serving) {
			continue
		}
		if phase == waiting || s.Row < 0 || int(s.Row) >= len(st.Rows) || workers[s.Row] != 0 {
			return nil, false
		}
		workers[s.Row] = phase
	}
	return workers, true
}

func acceptableRows(st *State, workers map[int32]serverPhase) bool {
	type key struct {
		client flip.Address
		slot   uint32
	}
	known := make(map[key]bool)
	for i := range st.Rows {
		r := &st.Rows[i]
		k := key{r.Client, r.Slot}
		phase, worker := rowPhase(r.Phase), workers[int32(i)]
		if known[k] || r.Client.IsNull() || r.Age < 0 || phase < working || phase > receiving ||
			(phase == receiving) != (worker == taking) || !r.Pull.acceptable(phase == receiving) ||
			(r.Size > 0 && (phase != replied || worker != replying || len(r.Data) > 0 || r.Forward)) ||
			(r.Forward && (phase != replied || r.Port.IsNull() && r.Addr.IsNull())) ||
			(phase == working && !st.Upcall && worker != serving) ||
			(phase != working && worker == serving) ||
			(phase != replied && worker == replying) {
			return false
		}
		known[k] = true
	}
	return true
}

// needsMemory reports whether some data is where only the owner can get at it.
func (st *State) needsMemory() bool {
	for i := range st.Clients {
		if c := &st.Clients[i]; c.Long || c.Pull.Size > 0 || c.Size > 0 && len(c.Data) == 0 {
			return true
		}
	}
	for i := range st.Rows {
		if st.Rows[i].Size > 0 || st.Rows[i].Pull.Size > 0 {
			return true
		}
	}
	return false
}

func (m *Machine) importClient(now int64, ep *Endpoint, x *ClientState) {
	c := ep.client(m, x.Slot)
	c.phase, c.tid, c.port, c.addr = clientPhase(x.Phase), x.Tid, x.Port, x.Addr
	c.hdr, c.data, c.server = x.Header, x.Data, x.Server
	c.size, c.long, c.room, c.forwards = x.Size, x.Long, x.Room, x.Forwards
	c.secure = x.Secure
	c.in = x.Pull.inflow()
	if x.Deadline >= 0 {
		m.limit(now, c, max(x.Deadline, 1))
		m.timers.Stop(&c.limit.timer) // until Activate
	}
	c.left, c.since = max(x.Left, 0), now
	c.backoff = min(max(x.Backoff, refusedFirst), refusedLast)
	c.tries = int(min(x.Tries, 1000))
	c.sentAt, c.heard = now-x.Age, now
	c.unclean = true
	c.signals, c.signalled = x.Signals, x.Signalled
}

func (m *Machine) importRow(now int64, ep *Endpoint, x *RowState) *row {
	r := m.newRow()
	r.ep, r.client, r.slot = ep, x.Client, x.Slot
	m.begin(now, r, x.Tid, rowPhase(x.Phase))
	r.at = now - x.Age
	r.signals, r.secure = x.Signals, x.Secure
	r.in = x.Pull.inflow()
	if r.phase == receiving {
		r.hdr = x.Header
	}
	if r.phase == replied {
		r.hdr, r.data, r.size = x.Header, x.Data, x.Size
		if x.Forward {
			r.forward = &forward{x.Port, x.Addr}
		}
		ep.replyBytes += len(x.Data)
		if !x.Given {
			r.tries = 1
		}
	}
	ep.rows.add(r)
	return r
}

func (m *Machine) importServer(now int64, ep *Endpoint, x *ServerState, all []*row) {
	s := ep.server(m, x.Slot)
	s.phase, s.get, s.put, s.room = serverPhase(x.Phase), x.Get, x.Get.Put(), x.Room
	s.binding = m.bind(ep, m.portFor(s.put))
	if s.phase == waiting {
		s.binding.waiting++
		return
	}
	var r *row
	if x.Row >= 0 {
		r = all[x.Row]
	} else {
		r = m.newRow()
		r.ep, r.stray = ep, true
		m.begin(now, r, 0, working)
	}
	s.row, r.server = r, s
	if s.phase == serving || s.phase == taking {
		r.binding = s.binding
		s.binding.serving++
	}
}
