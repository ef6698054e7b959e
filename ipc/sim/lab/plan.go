package lab

import (
	"slices"

	"motile/ipc/sim"
)

// Plan is a history before it happens.
type Plan struct {
	Seed     uint64
	Nodes    int
	Networks []sim.Network // none: one for all nodes
	Wire     sim.Wire
	Strict   bool
	Staff    bool
	Actors   []Actor
	Events   []Event
}

// Actor is a process. What it does not use is zero.
type Actor struct {
	Kind    string // counter, relay, client, member
	Name    string
	Node    int
	Port    string // member: of its group, which the first of them creates
	Threads int
	Work    int64  // counter: works for up to twice so long
	Upcall  bool   // counter: served by its kernel
	To      string // relay: the port that it asks

	// Of a client or a member: how many transactions or messages each thread does, with
	// pauses of up to Think, and the longest data of requests and replies.
	N          int
	Think      int64
	Send, Want int
	Patience   int64
	Resilience int // member: of the group, if it creates it
}

// Event is something that befalls a node, a process or a frame.
type Event struct {
	At    int64 // when, if Frame is 0
	Frame int   // else: when this copy of a frame is sent

	Op    string
	Actor string
	Node  int
	Group []int // cut: those nodes from all others
	For   int64
	Pages int // migrate: messages of the page stream
	Build int64
}

// Clone returns a copy that shares nothing that Shrink changes.
func (p *Plan) Clone() *Plan {
	q := *p
	q.Networks = slices.Clone(p.Networks)
	q.Actors = slices.Clone(p.Actors)
	q.Events = slices.Clone(p.Events)
	return &q
}

// group returns how many members the group of a port can have.
func (p *Plan) group(port string) (n int) {
	for i := range p.Actors {
		if p.Actors[i].Kind == "member" && p.Actors[i].Port == port {
			n++
		}
	}
	return n
}

// byChance reports whether the wire throws dice.
func (p *Plan) byChance() bool {
	w := p.Wire
	return w.Jitter > 0 || w.Loss > 0 || w.Dup > 0 || w.Reorder > 0 || w.Damage > 0
}
