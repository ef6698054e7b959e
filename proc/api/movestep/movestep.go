package movestep

import (
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/proc/api"
)

// Step is a message of a move: a request of the source's, or the target's answer.
type Step struct {
	Name    string
	Command uint32
	Answer  bool
}

func (s Step) String() string { return s.Name }

// All are the steps of a move that comes about, in order. It sends files only if the
// target lacks some, and state only if the image is too large for one message. Before
// "pages" the process runs, from then on it stands still: by copy, and by what auto makes of a small
// process. What is left for later is asked for by MOVE_PULL when the move is over.
var All = []Step{
	{"offer", api.MoveOffer, false}, {"accept", api.MoveOffer, true},
	{"file", api.MoveFile, false}, {"file arrived", api.MoveFile, true},
	{"pages", api.MovePages, false}, {"pages arrived", api.MovePages, true},
	{"state", api.MoveState, false}, {"state arrived", api.MoveState, true},
	{"prepare", api.MovePrepare, false}, {"ready", api.MovePrepare, true},
	{"commit", api.MoveCommit, false}, {"committed", api.MoveCommit, true},
}

// Committing reports whether the source has crossed the commit line when it has sent,
// or waits for, the message.
func (s Step) Committing() bool { return s.Command == api.MoveCommit }

// Arrived reports whether the target has been told to run the process when the message is
// on the wire, and not before it has got there.
func (s Step) Arrived() bool { return s.Committing() && s.Answer }

// Spotter looks for one step among frames. It wants to see all frames of the move, in
// the order in which they are sent.
type Spotter struct {
	Step
	asked map[request]bool
}

// request names a transaction on the wire: its number is the client's.
type request struct {
	client flip.Address
	slot   uint32
	tid    uint64
}

// Is reports whether a frame, sent by the source or by somebody else, is the first of
// such a message. The same message of a move the other way is not one.
func (s *Spotter) Is(source bool, frame []byte) bool {
	var h flip.Header
	payload, ok := flip.Decode(&h, frame)
	if !ok || h.Type != flip.UniData || h.Proto != flip.ProtoRPC || h.Offset != 0 {
		return false
	}
	m, ok := rpc.Summarize(payload)
	switch {
	case !ok:
	case source && m.Type == rpc.Request && m.Header.Command == s.Command:
		if s.asked == nil {
			s.asked = make(map[request]bool)
		}
		s.asked[request{h.Src, m.Slot, m.Tid}] = true
		return !s.Answer
	case !source && m.Type == rpc.Reply && s.Answer:
		return s.asked[request{h.Dst, m.Slot, m.Tid}]
	}
	return false
}
