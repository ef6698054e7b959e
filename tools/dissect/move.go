package dissect

import (
	"fmt"
	"time"

	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/migrate/wire"
	"motile/proc/api"
)

// Move is a migration, as far as the capture tells. Times are those of the frames;
// what has not been seen is zero.
type Move struct {
	ID             wire.MoveID
	PID            int32 // 0: an object moves; or the offer was not seen
	Command        string
	Source, Target int

	Offered, Accepted  time.Time
	Frozen             time.Time // the first of the page stream that is not of a round
	Prepared, Ready    time.Time
	Commit, Committed  time.Time
	Announced, Resumed time.Time // the first frame from the new place that is no announcement
	Over               string    // how it ended: committed, or what went wrong

	Rounds          int // of precopying
	Messages, Pages int // of the page stream, rounds included
	Busy            int // how often BUSY was said meanwhile

	addresses map[flip.Address]bool
}

// What is what moves, for people.
func (m *Move) What() string {
	switch {
	case m.PID != 0:
		return fmt.Sprintf("pid %d", m.PID)
	case m.Offered.IsZero():
		return fmt.Sprintf("move %d", m.ID.Nr)
	}
	return fmt.Sprintf("an object (move %d)", m.ID.Nr)
}

// moves follows them.
type moves struct {
	names  *names
	byID   map[wire.MoveID]*Move
	all    []*Move
	places map[flip.Address]place
}

// place is where an address was last heard of.
type place struct {
	node  int
	epoch uint32
}

func newMoves(n *names) *moves {
	return &moves{names: n, byID: make(map[wire.MoveID]*Move), places: make(map[flip.Address]place)}
}

// note adds a comment to a frame.
func (m *Move) note(f *Frame, format string, args ...any) {
	f.Move = m
	f.Notes = append(f.Notes, fmt.Sprintf("%s n%d→n%d: ", m.What(), m.Source, m.Target)+fmt.Sprintf(format, args...))
}

// once notes when something happened first, and reports whether it was now.
func once(at *time.Time, f *Frame) bool {
	if !at.IsZero() {
		return false
	}
	*at = f.At
	return true
}

// since is the time from one event to another, if both were seen.
func since(to, from time.Time) string {
	if from.IsZero() || to.IsZero() {
		return "an unknown time"
	}
	return fmt.Sprintf("%.3f ms", float64(to.Sub(from))/1e6)
}

// of finds a move by its name in a request, and what is seen of it first.
func (s *moves) of(f *Frame, q *asked, id wire.MoveID) *Move {
	m := s.byID[id]
	if m == nil {
		m = &Move{ID: id, Source: nodeOf(f.from), Target: s.names.node(f.Header.Dst), addresses: make(map[flip.Address]bool)}
		if m.Target == 0 {
			m.Target = nodeOf(f.to) // unless a router is between
		}
		if q.number == api.MoveStatus {
			m.Source, m.Target = m.Target, m.Source
		}
		s.byID[id] = m
		s.all = append(s.all, m)
	}
	return m
}

// request takes the data of a request, if it is one of a move.
func (s *moves) request(f *Frame, q *asked, value any) *Move {
	switch v := value.(type) {
	case wire.Offer:
		if v.Ask { // of a move that does not begin
			return nil
		}
		m := s.of(f, q, v.Move)
		if once(&m.Offered, f) {
			m.PID, m.Source, m.Command = v.PID, v.Source, v.Command
			s.names.process(m.PID)
			m.note(f, "offered: %s, %d pages, %d files", words(m.Command), v.Pages, len(v.Files))
		}
		return m
	case wire.File:
		return s.of(f, q, v.Move)
	case wire.Pages:
		m := s.of(f, q, v.Move)
		if v.Round == 0 {
			m.freeze(f)
		} else if v.Round > m.Rounds {
			m.Rounds = v.Round
			m.note(f, "round %d of precopying, while it runs", v.Round)
		}
		if !f.Again {
			m.Messages++
			m.Pages += v.Count
		}
		return m
	case wire.State:
		return s.of(f, q, v.Move)
	case wire.Prepare:
		m := s.of(f, q, v.Move)
		if once(&m.Prepared, f) {
			m.note(f, "prepare: image of %d bytes, after %d pages in %d messages; transfer took %s",
				v.Before+len(v.Image), m.Pages, v.Messages, since(f.At, m.Frozen))
			once(&m.Frozen, f) // a process without a page to send
		}
		return m
	case wire.Commit:
		m := s.of(f, q, v.Move)
		switch {
		case q.number == api.MoveAbort && m.Over == "":
			m.Over = "aborted"
			m.note(f, "abort: the source goes on with it")
		case q.number == api.MoveCommit && once(&m.Commit, f):
			m.note(f, "commit, after %s of standing still", since(f.At, m.Frozen))
		}
		return m
	}
	return nil
}

// pagesBegin takes the first piece of a message of the page stream.
func (s *moves) pagesBegin(f *Frame, q *asked, front []byte) *Move {
	id, ok := wire.PagesOf(front)
	if !ok {
		return nil
	}
	return s.of(f, q, id)
}

// freeze: a process is frozen before its pages are sent.
func (m *Move) freeze(f *Frame) {
	if once(&m.Frozen, f) {
		m.note(f, "frozen; the pages follow")
	}
}

// reply takes the data of a reply.
func (s *moves) reply(f *Frame, q *asked, status std.Status, value any) {
	m := q.move
	if m == nil {
		return
	}
	f.Move = m
	if status != std.OK {
		m.note(f, "%s was answered %v", q.name(), status)
		return
	}
	switch v := value.(type) {
	case wire.OfferReply:
		switch {
		case !once(&m.Accepted, f):
		case v.Refused != "":
			m.Over = "refused"
			m.note(f, "refused: %s", v.Refused)
		default:
			m.note(f, "accepted after %s; %d files are missing", since(f.At, m.Offered), len(v.Missing))
		}
	case wire.Answer:
		switch {
		case v.State == "ready" && once(&m.Ready, f):
			m.note(f, "ready, after %s", since(f.At, m.Prepared))
		case v.State == "committed" && m.Over == "":
			m.Over = "committed"
			m.Committed = f.At
			m.note(f, "committed; the first thread ran %.3f ms after the order; %s since the offer",
				float64(v.FirstRunUs)/1e3, since(f.At, m.Offered))
		case v.State != "ready" && v.State != "committed" && m.Over == "":
			m.note(f, "%s: %s", v.State, words(v.Error))
		}
	}
}

// frame looks at who speaks from where: a frozen address is BUSY, and one that has
// moved announces itself at its new place with a raised epoch.
func (s *moves) frame(f *Frame) {
	h := &f.Header
	at := nodeOf(f.from)
	if h.Type == flip.NotHere || at == 0 {
		return // NOTHERE is said by who does not have the address
	}
	if h.Type == flip.Busy {
		if m := s.frozen(h.Src, at); m != nil {
			f.Move = m
			if m.Busy++; m.Busy == 1 {
				m.note(f, "%s is told BUSY about %s", f.Dst, f.Src)
			}
		}
		return
	}
	was, known := s.places[h.Src]
	if h.Epoch > was.epoch || !known {
		s.places[h.Src] = place{at, h.Epoch}
	}
	switch m := s.arriving(h.Src, at); {
	case m == nil:
	case h.Announces() && !m.addresses[h.Src] && h.Epoch > was.epoch:
		m.addresses[h.Src] = true
		once(&m.Announced, f)
		m.note(f, "%s announces itself at n%d, epoch %d", f.Src, at, h.Epoch)
	case !h.Announces() && m.addresses[h.Src] && once(&m.Resumed, f):
		m.note(f, "the first frame of %s from n%d, %s after the freeze", f.Src, at, since(f.At, m.Frozen))
	}
}

// frozen finds the move that has frozen an address at a node. One whose pid is known
// to be the address's goes before others that are under way.
func (s *moves) frozen(a flip.Address, at int) (found *Move) {
	for _, m := range s.recent() {
		if m.Source != at || m.Frozen.IsZero() || m.Over != "" && m.Over != "committed" {
			continue
		}
		if k := s.names.known[a]; k.class == process && k.number == int(m.PID) {
			return m
		}
		if found == nil && m.Over == "" && s.names.known[a].class == service {
			found = m
		}
	}
	return found
}

// arriving finds the move by which an address may be about to appear at a node.
func (s *moves) arriving(a flip.Address, at int) (found *Move) {
	for _, m := range s.recent() {
		if m.Target != at || m.Commit.IsZero() {
			continue
		}
		k := s.names.known[a]
		switch {
		case m.addresses[a], k.class == process && k.number == int(m.PID):
			return m
		case found == nil && k.class == service && m.Resumed.IsZero():
			found = m
		}
	}
	return found
}

// mostMoves is how many of the last moves a frame may belong to.
const mostMoves = 16

// recent are the last moves, the latest first.
func (s *moves) recent() (list []*Move) {
	for i := len(s.all) - 1; i >= 0 && len(list) < mostMoves; i-- {
		list = append(list, s.all[i])
	}
	return list
}
