package group

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Info is what a member knows of its group.
type Info struct {
	Expect    uint64 // number of the next message that the program receives
	Next      uint64 // number that the next message gets, as far as is known here
	Unstable  int    // messages in the history
	Total     int    // members
	Index     int    // of this one
	Sequencer int    // index of it
	View      uint64 // incarnation
	Running   bool   // the view has not ended
	Members   []int  // their indices
	Addresses []flip.Address
}

// Info describes the group.
func (mb *Member) Info() Info {
	in := Info{Expect: mb.taken + 1, Next: max(mb.got, mb.last) + 1, Unstable: len(mb.hist.entries), Total: mb.total(),
		Index: int(mb.index), Sequencer: int(mb.sequencer), View: mb.view, Running: mb.phase == running}
	for i := range mb.table {
		if p := &mb.table[i]; !p.addr.IsNull() {
			in.Members = append(in.Members, i)
			in.Addresses = append(in.Addresses, p.addr)
		}
	}
	return in
}

// Endpoint returns the RPC endpoint of a member's process.
func (mb *Member) Endpoint(index int) (flip.Address, bool) {
	if index < 0 || index >= MaxMembers {
		return flip.Address{}, false
	}
	p := mb.peer(uint16(index))
	if p == nil || p.server.IsNull() {
		return flip.Address{}, false
	}
	return p.server, true
}

// A Parameter is something that Set changes.
type Parameter int

// ParamLarge is from how many bytes on this member's messages go to all at once.
const ParamLarge Parameter = 1

// Set changes a parameter of this member.
func (m *Machine) Set(mb *Member, what Parameter, value int64) std.Status {
	if what != ParamLarge || value < 0 || value > 1<<30 {
		return std.ArgBad
	}
	mb.params.Large = int(value)
	return std.OK
}

// Forget drops the calls of a thread that has ended, by slot. A message under way
// goes on; nobody is told of its end.
func (m *Machine) Forget(mb *Member, slot uint32) {
	mb.forgetReceive(slot)
	m.forgetSend(mb, slot)
	if mb.reset.wanted && mb.reset.slot == slot {
		mb.reset.wanted = false
	}
}
