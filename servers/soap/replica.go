package soap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

// Messages of the group that are no updates.
const (
	msgMark uint32 = std.PrivateFirst + 230 + iota // Object: of somebody who joins, and has replica Extra send him the state of here
	msgNothing
	msgUpdates // several, one behind the other as in a journal
)

const (
	lognbuf    = 8
	logmaxmess = 15 // a request, and what we add

	joinPatience  = 30 * time.Second // for the state
	alonePatience = 8 * time.Second  // without a majority
	resetPatience = 12 * time.Second
	readPatience  = time.Second
)

// membership is this replica's part in a group.
type membership struct {
	g     lib.Group
	epoch uint64

	done      uint64 // all messages below have been carried out
	over      bool   // it is no member any more
	snapshots map[uint64][]byte

	// While it joins: the messages behind its mark wait for the state.
	behind bool
	marked bool
	mark   uint64
	held   []heldMessage
}

type heldMessage struct {
	h    std.Header
	data []byte
}

func (m *membership) epochOf() uint64 {
	if m == nil {
		return 0
	}
	return m.epoch
}

// live is a replica's life: it looks for a group, or makes one, and is a member until it
// has lost it.
func (v *Server) live(end chan<- error) {
	for _, n := range v.cfg.Replicas {
		if n != v.cfg.Replica {
			go v.follow(n)
			go v.chase(n)
		}
	}
	last := ""
	for {
		v.mu.Lock()
		v.onDisk()
		me := v.report()
		me.Promised = v.promised
		others := v.others()
		v.mu.Unlock()
		d := decide(me, others, len(v.cfg.Replicas))
		m, err := v.enter(d, others)
		if m != nil {
			last = ""
			v.open(end)
			v.remain(m)
			continue
		}
		if text := fmt.Sprintf("%d of %d replicas are there", 1+len(others), len(v.cfg.Replicas)); err != nil || text != last {
			last = text
			if err != nil {
				text += ": " + err.Error()
			}
			v.say("no group yet: %s", text)
		}
		time.Sleep(askAgain + rand.N(askAgain))
	}
}

func (v *Server) groupPort(epoch uint64) capability.Port {
	return capability.Port(capability.OneWay("soap group", v.cfg.Key[:], fmt.Append(nil, epoch)))
}

func (v *Server) enter(d decision, others []Report) (*membership, error) {
	switch d.action {
	case join:
		return v.join(d.epoch, d.via)
	case stand:
		return v.stand(d.epoch, others)
	}
	return nil, nil
}

var errOutdated = errors.New("somebody else stands for a newer group")

// stand founds a group, if a majority promises to join no older one.
func (v *Server) stand(epoch uint64, others []Report) (*membership, error) {
	var promised []Report
	for _, o := range others {
		if r, err := v.askReport(o.Replica, &std.Header{Command: cmdPromise, Offset: epoch}); err == nil {
			promised = append(promised, r)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !elected(v.report(), promised, len(v.cfg.Replicas)) {
		return nil, fmt.Errorf("%d promises for epoch %d", 1+len(promised), epoch)
	}
	if v.promised >= epoch {
		return nil, errOutdated
	}
	v.promised = epoch
	if !v.onDisk() || v.promised != epoch {
		return nil, errOutdated
	}
	n := len(v.cfg.Replicas)
	g, err := lib.GrpCreate(v.groupPort(epoch), n-1, n+2, lognbuf, logmaxmess)
	if err != nil {
		return nil, err
	}
	m := &membership{g: g, epoch: epoch, snapshots: make(map[uint64][]byte)}
	if in, err := g.Info(); err == nil {
		m.done = in.Expect
	}
	v.s.Epoch = epoch
	v.enterGroup(m)
	v.changed()
	go v.receive(m)
	v.say("founded the group of epoch %d", epoch)
	return m, nil
}

// join joins a group, with the state of one of its members.
func (v *Server) join(epoch uint64, via int) (*membership, error) {
	g, err := lib.GrpJoin(v.groupPort(epoch))
	if err != nil {
		return nil, fmt.Errorf("joining epoch %d: %w", epoch, err)
	}
	m := &membership{g: g, epoch: epoch, snapshots: make(map[uint64][]byte), behind: true, mark: random()}
	go v.receive(m)
	s, err := v.fetch(m, via)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil && (v.promised > epoch || m.over) {
		err = errOutdated
	}
	if err != nil {
		m.over = true
		go g.Leave()
		return nil, fmt.Errorf("joining epoch %d: %w", epoch, err)
	}
	m.behind = false
	v.s, v.whole, v.promised = s, true, epoch
	v.enterGroup(m)
	for _, x := range m.held {
		v.carry(m, &x.h, x.data)
	}
	m.held = nil
	v.changed()
	v.say("joined the group of epoch %d", epoch)
	return m, nil
}

// enterGroup begins a membership. Who has looked things up here before is not known any more.
// Preconditions: mu is held.
func (v *Server) enterGroup(m *membership) {
	v.group, v.watchers, v.began, v.recovered = m, watchers{}, time.Now(), v.recovered || v.good || v.s.Seq > 0
	v.tellWatchers()
}

// fetch gets the state as it was at our mark.
func (v *Server) fetch(m *membership, via int) (*State, error) {
	if err := m.g.Send(&std.Header{Command: msgMark, Object: m.mark, Extra: uint32(via)}, nil); err != nil {
		return nil, err
	}
	var all []byte
	part := make([]byte, std.SoapMaxData)
	for until := time.Now().Add(joinPatience); ; {
		h := std.Header{Command: cmdSnapshot, Object: m.mark, Offset: uint64(len(all))}
		n, err := v.ask(via, &h, part)
		switch {
		case errors.Is(err, std.NotNow) && time.Now().Before(until):
			time.Sleep(20 * time.Millisecond)
			continue
		case err != nil:
			return nil, err
		}
		all = append(all, part[:n]...)
		if n == 0 && len(all) == int(h.Size) {
			break
		}
		if n == 0 || int(h.Size) > 2*MaxBytes {
			return nil, ErrFile
		}
	}
	for { // it comes to us as it came to him
		v.mu.Lock()
		marked := m.marked || m.over
		v.mu.Unlock()
		if marked {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s := v.newState()
	return s, s.LoadSnapshot(all)
}

// remain returns when the replica is a member no more.
func (v *Server) remain(m *membership) {
	since := time.Now() // there was a majority
	for {
		time.Sleep(askAgain)
		in, err := m.g.Info()
		v.mu.Lock()
		if in.Total >= majority(len(v.cfg.Replicas)) && in.Running {
			since = time.Now()
		}
		why := ""
		switch {
		case m.over:
			why = "it goes on without this replica"
		case err != nil:
			why = err.Error()
		case outdated(v.report(), v.others()):
			why = "somebody stands for a newer one"
		case time.Since(since) > alonePatience+resetPatience, time.Since(since) > alonePatience && in.Running:
			why = "there is no majority in it"
		}
		if why != "" {
			m.over = true
			v.group = nil
			v.changed()
			v.mu.Unlock()
			v.say("left the group of epoch %d: %s", m.epoch, why)
			go m.g.Leave()
			return
		}
		v.mu.Unlock()
	}
}

// receive takes the group's messages, and calls for a reset when a member is gone.
func (v *Server) receive(m *membership) {
	buf := make([]byte, 1<<logmaxmess)
	for {
		var h std.Header
		n, _, err := m.g.Receive(&h, buf)
		switch {
		case err == nil:
			data := append([]byte(nil), buf[:n]...)
			in, err := m.g.Info()
			v.mu.Lock()
			if v.take(m, &h, data); err == nil {
				m.done = in.Expect
			}
			v.changed()
			v.mu.Unlock()
		case errors.Is(err, std.BCAbort) && v.reset(m):
		default:
			v.mu.Lock()
			m.over = true
			v.changed()
			v.mu.Unlock()
			return
		}
	}
}

// reset makes a new view, of a majority of all replicas: less might be the other side of a
// broken network. It reports whether there is one.
func (v *Server) reset(m *membership) bool {
	for until := time.Now().Add(resetPatience); time.Now().Before(until); time.Sleep(rand.N(askAgain)) {
		v.mu.Lock()
		over := m.over
		v.mu.Unlock()
		if over {
			return false
		}
		n, err := m.g.Reset(nil, majority(len(v.cfg.Replicas)))
		if err == nil {
			v.say("a member does not answer; a new view of %d", n)
			return true
		}
		if in, err := m.g.Info(); err != nil || in.Running {
			return err == nil
		}
	}
	v.say("a majority cannot be reached")
	return false
}

// take carries a message out; before the state has come it is kept, from our mark on.
// Preconditions: mu is held.
func (v *Server) take(m *membership, h *std.Header, data []byte) {
	switch {
	case m.over:
	case !m.behind:
		v.carry(m, h, data)
	case m.marked:
		m.held = append(m.held, heldMessage{*h, data})
	default:
		m.marked = h.Command == msgMark && h.Object == m.mark
	}
}

func (v *Server) carry(m *membership, h *std.Header, data []byte) {
	switch h.Command {
	case msgNothing:
	case msgMark:
		if int(h.Extra) == v.cfg.Replica {
			clear(m.snapshots) // one at a time: who joins meanwhile tries again
			m.snapshots[h.Object] = v.s.Snapshot()
		}
	case msgUpdates:
		eachUpdate(data, func(u *Update) error {
			v.apply(u)
			return nil
		})
	default:
		if u, ok := DecodeUpdate(*h, data); ok {
			v.apply(&u)
		}
	}
}

// current returns when this replica knows all that any other has answered before, and
// reports whether that is so. A message is not answered before all members' nodes have it:
// what we must wait for is what our own has and we have not taken yet. A replica that has
// lost its group answers by what it knew.
func (v *Server) current() bool {
	v.mu.Lock()
	m, good := v.group, v.good
	v.mu.Unlock()
	if m == nil {
		return good
	}
	in, err := m.g.Info()
	if err != nil {
		return good
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	known := func() bool { return m.over || m.done >= in.Next }
	if !v.await(time.Now().Add(tick/2), known) {
		// The last message may be one that nobody receives: that a member has left.
		go m.g.Send(&std.Header{Command: msgNothing}, nil)
		if !v.await(time.Now().Add(readPatience), known) {
			return !in.Running && good
		}
	}
	return m.done >= in.Next || good
}
