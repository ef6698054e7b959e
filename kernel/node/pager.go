package node

import (
	"encoding/binary"
	"fmt"
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// pager brings the pages of a memory whose processes have moved here without them: those
// that are touched at once, each with some that follow it, and the others meanwhile, so that
// the dependency on the old node ends by itself. If that node does not answer for long, or
// has been restarted, the memory is lost, and with it the processes that run in it.
type pager struct {
	n       *Node
	id      wire.MoveID
	key     [16]byte
	source  int
	process int // of the set that moved
	space   *vm.Space

	asked map[uint64]bool // pages under way, by the address at which they are now
	under int             // requests under way
	next  uint64          // where the background goes on
	heard int64           // when an answer came last, or the first was asked for
	timer proc.Timer      // asks again after a failure
	then  []func()        // to be done when nothing is away any more
}

const (
	// pullAhead is how many pages are asked for when one is touched: that and those after it.
	pullAhead = 8
	// pullBehind is how many requests are under way in the background.
	pullBehind = 2

	pullAgain = 200e6 // pause after a failure
	// pullLost is the silence after which the memory is lost: as long as a source that has
	// committed waits for its target.
	pullLost = 30e9
)

// newPager begins to bring what is away. It does nothing if nothing is.
func (n *Node) newPager(t *target, process int, space *vm.Space) {
	if space.Away() == 0 || n.pagers[space] != nil {
		return
	}
	p := &pager{n: n, id: t.id, key: t.key, source: t.offer.Source, process: process, space: space,
		asked: make(map[uint64]bool), heard: n.Tab.Now}
	p.timer.Init(p)
	n.pagers[space] = p
	p.more()
}

// fetch is called when a process waits for a page.
func (n *Node) fetch(p *proc.Process, addr uint64) {
	if g := n.pagers[p.Space]; g != nil && !g.asked[addr&^(vm.PageBytes-1)] {
		g.ask(addr&^(vm.PageBytes-1), pullAhead)
	}
}

// whole calls f when all of a process's memory is here: at once, as a rule.
func (n *Node) whole(p *proc.Process, f func()) {
	if g := n.pagers[p.Space]; g != nil {
		g.then = append(g.then, f)
		return
	}
	f()
}

// more keeps requests under way in the background, and sees when there is nothing more to
// do.
func (p *pager) more() {
	for p.under < pullBehind && p.space.Users() > 0 {
		at, _, ok := p.space.AwayFrom(p.next)
		if !ok && p.next != 0 {
			p.next = 0 // what mremap has moved may be behind us
			continue
		}
		if !ok || !p.ask(at, wire.PagesMost) {
			break
		}
	}
	if p.under == 0 && (p.space.Users() == 0 || p.space.Away() == 0) {
		p.end()
	}
}

// ask requests up to so many pages that are away, from one on. It reports false if all of
// them are under way.
func (p *pager) ask(from uint64, most int) bool {
	q := wire.Pull{Move: p.id}
	at := make(map[uint64]uint64) // where a page is now, by its word
	addr := from
	for len(q.Pages) < most {
		is, origin, ok := p.space.AwayFrom(addr)
		if !ok || most == pullAhead && is >= from+pullAhead*vm.PageBytes {
			break
		}
		if addr = is + vm.PageBytes; p.asked[is] {
			continue
		}
		word := wire.PrivateWord(p.process, origin)
		q.Pages, at[word], p.asked[is] = append(q.Pages, word), is, true
	}
	if most == wire.PagesMost {
		p.next = addr
	}
	if len(q.Pages) == 0 {
		return false
	}
	p.under++
	p.n.pull(p.source, q, func(c *rpc.Complete) {
		p.under--
		for _, is := range at {
			delete(p.asked, is)
		}
		if p.n.pagers[p.space] == p {
			p.answered(c, at)
		}
	})
	return true
}

// answered takes an answer.
func (p *pager) answered(c *rpc.Complete, at map[uint64]uint64) {
	n := p.n
	m, ok := wire.DecodePages(c.Data)
	switch {
	case p.space.Users() == 0:
	case c.Status == std.OK && c.Header.Status() == std.NotFound:
		p.lose() // it knows nothing of them: it has been restarted
		return
	case c.Status == std.OK && c.Header.Status() == std.OK && ok && m.Move == p.id && m.Authentic(&p.key):
		p.heard = n.Tab.Now
		if !p.arrived(&m, at) {
			n.K.EndLargest()
		}
	case n.Tab.Now-p.heard > pullLost:
		p.lose()
		return
	default:
		n.Tab.StartTimer(&p.timer, n.Tab.Now+pullAgain)
		return
	}
	p.more()
}

// Expire implements proc.Expirer: it is tried again.
func (p *pager) Expire(int64) { p.more() }

// arrived gives pages their contents. It reports false if memory is short.
func (p *pager) arrived(m *wire.Pages, at map[uint64]uint64) bool {
	data := m.Data
	for words := m.Words; len(words) > 0; words = words[8:] {
		word := binary.LittleEndian.Uint64(words)
		page := new([vm.PageBytes]byte)
		switch {
		case wire.Run(word): // of zeros
			words = words[8:]
			i, origin, _, _ := wire.RunOf(word, 0)
			word = wire.PrivateWord(i, origin)
		case wire.Same(word):
			words = words[8:]
			continue
		default:
			page, data = (*[vm.PageBytes]byte)(data), data[vm.PageBytes:]
		}
		_, origin := wire.Private(word)
		if is, ok := at[word]; ok {
			if _, mem := p.space.Arrive(is, origin, page); !mem {
				return false
			}
		}
	}
	return true
}

// end: all is here, or not wanted any more. The old node is told, until it has heard.
func (p *pager) end() {
	n := p.n
	n.Tab.StopTimer(&p.timer)
	delete(n.pagers, p.space)
	n.forgo(p.source, p.id)
	for _, f := range p.then {
		f()
	}
}

// stopPagers ends those whose memory nobody has any more.
func (n *Node) stopPagers() {
	for space, p := range n.pagers { // order does not matter: they have nothing in common
		if space.Users() == 0 {
			p.end()
		}
	}
}

// pull is a request to the node that has the pages.
func (n *Node) pull(source int, q wire.Pull, done func(c *rpc.Complete)) {
	data, _ := image.Marshal(q)
	n.call(n.nodeAt(source).address, n.nodeHeader(source, api.MovePull), data, movePatience, done)
}

// farewell tells a node that nothing of what processes left there is wanted any more, until
// it has heard.
type farewell struct {
	n      *Node
	source int
	id     wire.MoveID
	timer  proc.Timer
}

const farewellAgain = 1e9

// forgo says so, once no pager wants anything of that move.
func (n *Node) forgo(source int, id wire.MoveID) {
	for _, p := range n.pagers { // order does not matter: one is enough
		if p.id == id {
			return
		}
	}
	f := &farewell{n: n, source: source, id: id}
	f.timer.Init(f)
	f.Expire(0)
}

// Expire implements proc.Expirer.
func (f *farewell) Expire(int64) {
	f.n.pull(f.source, wire.Pull{Move: f.id}, func(c *rpc.Complete) {
		if c.Status != std.OK {
			f.n.Tab.StartTimer(&f.timer, f.n.Tab.Now+farewellAgain)
		}
	})
}

// lose ends the processes that run in the memory: some of it is lost.
func (p *pager) lose() {
	n := p.n
	delete(n.pagers, p.space)
	n.Tab.StopTimer(&p.timer)
	i := slices.IndexFunc(n.Tab.Processes(), func(q *proc.Process) bool { return q.Space == p.space })
	if i >= 0 {
		n.K.LoseMemory(n.Tab.Processes()[i], p.source)
	}
	for _, f := range p.then {
		f()
	}
}

// residual says what is away, in words, or "".
func (n *Node) residual(p *proc.Process) string {
	g := n.pagers[p.Space]
	if g == nil {
		return ""
	}
	return fmt.Sprintf("node %d: %d KB of memory, which are being fetched", g.source, p.Space.Away()*vm.PageBytes/1024)
}
