package rpc

import (
	"encoding/binary"

	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
	"motile/ipc/std"
)

// The duplicate window: what an endpoint remembers of requests it has had, so
// that none is executed twice however often it arrives. It belongs to the
// endpoint and moves with it.
//
// A client's slot does one transaction at a time, with rising tids. So one row
// per (client address, slot) says it all:
//
//	tid below the row's      the client gave that one up long ago   FAIL
//	tid of the row           see phase
//	tid above the row's      new; and the reply in the row has arrived
//
//	phase     means                               a repeated REQUEST gets
//	receiving a thread is pulling its data        PULL
//	working   a thread, or the kernel, has it     ALIVE
//	replied   the reply is kept until its ACK     the reply
//	done      the reply has arrived               nothing
//	refused   NAK was sent: never to be executed  NAK
//	failed    whoever had it is gone              FAIL
//
// (Amoeba kept a bitmap of 512 tids for each client kernel. A fast local server
// between two requests to us would have pushed such a window past a request that
// was merely lost once.)
//
// Rows that served their time, a minute, are purged, and earlier if there are
// too many. Then a request that was executed may be unknown. The horizon keeps
// the promise: it is a time such that every purged row was of a request whose
// first copy left before it. REQUEST carries its age, counted from the first
// copy, so an unknown one from before the horizon gets FAIL, not a second run.
// An endpoint whose address was served before by something that did not hand its
// window over (Options.Reborn) starts with the horizon at its opening.

// row is the memory of one client slot.
type row struct {
	ep     *Endpoint
	client flip.Address
	slot   uint32
	phase  rowPhase
	stray  bool // the window has forgotten it; only its server has not
	tid    uint64
	seq    uint64 // never used before, for Handle
	at     int64  // last event; age is counted from here

	binding *binding  // that counts the request at work; may be nil
	server  *server   // the thread at work, or in putrep; nil for the kernel
	peer    *Endpoint // the client's, if it was on this node when last looked for
	signals uint16    // passed on to the server
	secure  bool      // the reply is not for untrusted networks

	// The reply, while phase is replied; or the header of the request, while it is
	// receiving.
	hdr     std.Header
	data    []byte
	size    uint32   // of data that stays in Memory; 0: it is in data
	forward *forward // instead of a reply
	in      *inflow  // while receiving
	out     *outflow // parts of a long reply
	handle  flip.Handle
	tries   int   // REPLYs sent, or PULLs; 0: given up, the client has to ask
	sentAt  int64 // when the first one left
	heard   int64 // the same, or last pause by BUSY, or last PULL or PART
	timer   deadline.Timer

	chain *row // next in the bucket, or on the free list
}

type rowPhase uint8

const (
	working rowPhase = iota + 1
	replied
	done
	refused
	failed
	receiving
)

// rows finds rows by client address and slot.
type rows struct {
	buckets []*row
	n       int
}

func (t *rows) bucket(client *flip.Address, slot uint32) **row {
	h := binary.LittleEndian.Uint64(client[:]) ^ uint64(slot)*0x9e3779b97f4a7c15
	h ^= h >> 32
	return &t.buckets[h&uint64(len(t.buckets)-1)]
}

// find returns the row of a client slot, or nil.
func (t *rows) find(client *flip.Address, slot uint32) *row {
	if t.n == 0 {
		return nil
	}
	for r := *t.bucket(client, slot); r != nil; r = r.chain {
		if r.slot == slot && r.client == *client {
			return r
		}
	}
	return nil
}

func (t *rows) add(r *row) {
	if t.n >= len(t.buckets) {
		old := t.buckets
		t.buckets = make([]*row, max(16, 2*len(old)))
		for _, x := range old {
			for x != nil {
				next := x.chain
				b := t.bucket(&x.client, x.slot)
				x.chain, *b = *b, x
				x = next
			}
		}
	}
	b := t.bucket(&r.client, r.slot)
	r.chain, *b = *b, r
	t.n++
}

func (t *rows) remove(r *row) {
	for p := t.bucket(&r.client, r.slot); *p != nil; p = &(*p).chain {
		if *p == r {
			*p = r.chain
			r.chain = nil
			t.n--
			return
		}
	}
}

// all calls f for each row; f may remove the row it is called with.
func (t *rows) all(f func(*row)) {
	for _, r := range t.buckets {
		for r != nil {
			next := r.chain
			f(r)
			r = next
		}
	}
}

// rowFor returns the row of a client slot, ready for a new tid, or nil if the
// window is full of rows that are needed.
func (m *Machine) rowFor(now int64, ep *Endpoint, client *flip.Address, slot uint32) *row {
	r := ep.rows.find(client, slot)
	if r != nil {
		if r.phase != working {
			m.settle(now, r)
			return r
		}
		// The client gave up what the server still works on.
		m.disownRow(r)
	}
	if ep.rows.n >= m.cfg.MaxRows && !m.purgeOldest(now, ep) {
		return nil
	}
	r = m.newRow()
	r.ep, r.client, r.slot = ep, *client, slot
	ep.rows.add(r)
	m.armSweep(now)
	return r
}

// begin starts a transaction in a row.
func (m *Machine) begin(now int64, r *row, tid uint64, phase rowPhase) {
	m.rowSeq++
	r.tid, r.phase, r.seq, r.at = tid, phase, m.rowSeq, now
	r.signals = 0
}

// settle frees what a row holds besides the memory of its tid.
func (m *Machine) settle(now int64, r *row) {
	if r.phase == replied {
		r.phase = done
		r.at = now
		m.dropReply(now, r)
		m.unblockPutRep(r, std.OK)
	}
}

// dropReply frees the reply in a row.
func (m *Machine) dropReply(now int64, r *row) {
	r.ep.replyBytes -= len(r.data)
	m.timers.Stop(&r.timer)
	m.box.Cancel(now, r.handle)
	r.data, r.handle, r.size, r.forward = nil, 0, 0, nil
	m.dropParts(now, &r.out)
}

// disownRow takes a row at work out of the window. Its server keeps it until
// putrep, whose reply nobody will see.
func (m *Machine) disownRow(r *row) {
	r.ep.rows.remove(r)
	r.stray = true
}

func (m *Machine) newRow() *row {
	if r := m.freeRows; r != nil {
		m.freeRows = r.chain
		r.chain = nil
		return r
	}
	r := new(row)
	r.timer.Owner = r
	return r
}

// freeRow forgets a row altogether. Nothing points to it afterwards but handles,
// which its changed seq makes void, and clients' hints, which check it.
func (m *Machine) freeRow(now int64, r *row) {
	m.settle(now, r)
	if !r.stray {
		r.ep.rows.remove(r)
	}
	if r.binding != nil {
		r.binding.serving--
	}
	m.timers.Stop(&r.timer)
	m.dropParts(now, &r.out)
	timer := r.timer
	*r = row{timer: timer, chain: m.freeRows}
	m.freeRows = r
}

// sweepRows purges rows that have served their time.
func (m *Machine) sweepRows(now int64, ep *Endpoint) {
	ep.rows.all(func(r *row) {
		if r.phase != working && r.phase != receiving && !r.timer.Armed() && r.at+keepRow <= now {
			m.purge(now, r)
		}
	})
}

// purgeOldest makes room in a full window.
func (m *Machine) purgeOldest(now int64, ep *Endpoint) bool {
	var oldest *row
	ep.rows.all(func(r *row) {
		if r.phase != working && r.phase != receiving && r.phase != replied && r.at+frameLife <= now && (oldest == nil || r.at < oldest.at) {
			oldest = r
		}
	})
	if oldest == nil {
		return false
	}
	m.Stats.RowsPurged++
	m.purge(now, oldest)
	return true
}

// purge forgets a row and moves the horizon past it. The request's first copy
// left before the row's last event; what is added covers the time that a later
// copy can be under way.
func (m *Machine) purge(now int64, r *row) {
	r.ep.horizon = max(r.ep.horizon, r.at+frameLife)
	m.freeRow(now, r)
}

// forgotten reports whether an unknown request may have been executed here. Its
// age comes from a later copy or from RECEIVED: a first copy is not forgotten.
func (ep *Endpoint) forgotten(now int64, age uint32) bool {
	return now-int64(age)*millisecond <= ep.horizon
}
