package node

import (
	"fmt"
	"slices"

	"motile/ipc/capability"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/migrate/wire"
	"motile/proc"
)

// pager brings the pages of a memory whose processes have moved here without them: those
// that are touched at once, each with some that follow it, and the others meanwhile, so that
// the dependency ends by itself. They are on the node that the processes have left (residue.go)
// or in a file (flush.go). If nobody answers for long, or what answers has been restarted, the
// memory is lost, and with it the processes that run in it.
type pager struct {
	n       *Node
	id      wire.MoveID
	key     [16]byte
	source  int // the node that has the pages
	process int // of the set that moved
	space   *vm.Space
	file    capability.Capability // that has the pages, if filed
	filed   bool

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
	if p.file, p.filed = capability.Decode(t.file); p.filed {
		p.source = t.fileOn
	}
	p.timer.Init(p)
	n.pagers[space] = p
	p.more()
}

// fetch is called when a process waits for a page.
func (n *Node) fetch(p *proc.Process, addr uint64) {
	addr &^= vm.PageBytes - 1
	if g := n.pagers[p.Space]; g != nil && !g.asked[addr] {
		g.ask(g.pick(addr, addr+pullAhead*vm.PageBytes))
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
		pages := p.pick(p.next, abi.UserTop)
		if len(pages) == 0 && p.next != 0 {
			p.next = 0 // what mremap has moved may be behind us
			continue
		}
		if len(pages) == 0 {
			break
		}
		p.next = pages[len(pages)-1].at + vm.PageBytes
		p.ask(pages)
	}
	if p.under == 0 && (p.space.Users() == 0 || p.space.Away() == 0) {
		p.end()
	}
}

// absent is a page that is away: where it is missed, and what it is called where it is.
type absent struct{ at, origin uint64 }

// pick finds pages of [from, end) that are away and not under way: as many as one request
// brings, in a file those that follow one another.
func (p *pager) pick(from, end uint64) (pages []absent) {
	for len(pages) < wire.PagesMost {
		at, origin, ok := p.space.AwayFrom(from)
		n := len(pages)
		if !ok || at >= end || p.filed && n > 0 && origin != pages[n-1].origin+vm.PageBytes {
			break
		}
		if from = at + vm.PageBytes; !p.asked[at] {
			pages = append(pages, absent{at, origin})
		} else if p.filed && n > 0 {
			break
		}
	}
	return pages
}

// ask requests pages.
func (p *pager) ask(pages []absent) {
	if len(pages) == 0 {
		return
	}
	for _, a := range pages {
		p.asked[a.at] = true
	}
	p.under++
	from := p.fromNode
	if p.filed {
		from = p.fromFile
	}
	from(pages, func(v verdict) {
		p.under--
		for _, a := range pages {
			delete(p.asked, a.at)
		}
		if p.n.pagers[p.space] == p {
			p.answered(v)
		}
	})
}

// verdict is what an answer comes to.
type verdict uint8

const (
	silent verdict = iota // there was none
	arrived
	unknown // there are no such pages any more
	cramped // there is no memory for them here
)

func (p *pager) answered(v verdict) {
	n := p.n
	switch {
	case p.space.Users() == 0:
	case v == arrived:
		p.heard = n.Tab.Now
	case v == cramped:
		n.K.EndLargest()
	case v == unknown || n.Tab.Now-p.heard > pullLost:
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

// take gives a page its contents. It reports false if memory is short.
func (p *pager) take(a absent, content *[vm.PageBytes]byte) bool {
	_, mem := p.space.Arrive(a.at, a.origin, content)
	return mem
}

// end: all is here, or not wanted any more.
func (p *pager) end() {
	p.stop()
	p.forgo()
	for _, f := range p.then {
		f()
	}
}

// stop takes the pager from its memory; answers that are under way come to nothing.
func (p *pager) stop() {
	p.n.Tab.StopTimer(&p.timer)
	delete(p.n.pagers, p.space)
}

// stopPagers ends those whose memory nobody has any more.
func (n *Node) stopPagers() {
	for space, p := range n.pagers { // order does not matter: they have nothing in common
		if space.Users() == 0 {
			p.end()
		}
	}
}

// lose ends the processes that run in the memory: some of it is lost.
func (p *pager) lose() {
	n := p.n
	p.stop()
	p.forgo()
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
	where := fmt.Sprintf("node %d", g.source)
	if g.filed {
		where += "'s file server"
	}
	return fmt.Sprintf("%s: %d KB of memory, which are being fetched", where, p.Space.Away()*vm.PageBytes/1024)
}
