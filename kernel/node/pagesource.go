package node

import (
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// Where a pager has its pages from. Each way brings pages, and says what that came to.

// pull is a request to the node that processes have left.
func (n *Node) pull(source int, q wire.Pull, done func(c *rpc.Complete)) {
	data, _ := image.Marshal(q)
	n.call(n.nodeAt(source).address, n.nodeHeader(source, api.MovePull), data, movePatience, done)
}

// fromNode asks the node that the processes have left, which answers with a message of the page
// stream.
func (p *pager) fromNode(pages []absent, done func(verdict)) {
	q := wire.Pull{Move: p.id}
	byWord := make(map[uint64]absent)
	for _, a := range pages {
		word := wire.PrivateWord(p.process, a.origin)
		q.Pages, byWord[word] = append(q.Pages, word), a
	}
	p.n.pull(p.source, q, func(c *rpc.Complete) {
		m, ok := wire.DecodePages(c.Data)
		switch {
		case c.Status != std.OK:
			done(silent)
		case c.Header.Status() == std.NotFound:
			done(unknown) // it has been restarted
		case c.Header.Status() != std.OK || !ok || m.Move != p.id || !m.Authentic(&p.key):
			done(silent)
		case !p.takeAll(&m, byWord):
			done(cramped)
		default:
			done(arrived)
		}
	})
}

// takeAll gives pages the contents that a message has. It reports false if memory is short.
func (p *pager) takeAll(m *wire.Pages, byWord map[uint64]absent) bool {
	zeros, buf := new([vm.PageBytes]byte), new([vm.PageBytes]byte)
	return m.Entries(func(e wire.Entry) bool {
		word := e.Word
		if wire.Run(word) { // it is of zeros
			i, origin, _, _ := wire.RunOf(word, 0)
			word = wire.PrivateWord(i, origin)
		}
		a, ok := byWord[word]
		if !ok || e.Page.Over { // or it is the same as another: nobody says that here
			return true
		}
		if wire.Run(e.Word) {
			return p.take(a, zeros)
		}
		return p.take(a, e.Page.In(buf))
	})
}

// fromFile reads the file that the pages were flushed to. They follow one another there.
func (p *pager) fromFile(pages []absent, done func(verdict)) {
	h := &std.Header{Command: std.BulletRead, Offset: pages[0].origin - fileOrigin, Size: uint32(len(pages) * vm.PageBytes)}
	h.SetCapability(p.file)
	p.n.call(flip.Address{}, h, nil, movePatience, func(c *rpc.Complete) {
		switch st := c.Header.Status(); {
		case c.Status != std.OK:
			done(silent)
		case st == std.NotFound || st == std.CapBad || st == std.OK && len(c.Data) != len(pages)*vm.PageBytes:
			done(unknown)
		case st != std.OK:
			done(silent)
		default:
			for i, a := range pages {
				if !p.take(a, (*[vm.PageBytes]byte)(c.Data[i*vm.PageBytes:])) {
					done(cramped)
					return
				}
			}
			done(arrived)
		}
	})
}

// forgo tells where the pages are that none of them is wanted any more, once no pager wants
// any of that move.
func (p *pager) forgo() {
	n := p.n
	for _, other := range n.pagers { // order does not matter: one is enough
		if other.id == p.id {
			return
		}
	}
	if p.filed {
		n.destroy(p.file)
		return
	}
	n.untilHeard(func(done func(*rpc.Complete)) { n.pull(p.source, wire.Pull{Move: p.id}, done) })
}

// farewell says that something is not wanted any more to who keeps it, until that has heard: it may
// be cut off for long.
type farewell struct {
	n     *Node
	say   func(done func(*rpc.Complete))
	pause int64
	timer proc.Timer
}

const (
	farewellAgain  = 1e9 // doubled each time
	farewellRarest = 64e9
)

func (n *Node) untilHeard(say func(done func(*rpc.Complete))) {
	f := &farewell{n: n, say: say, pause: farewellAgain}
	f.timer.Init(f)
	f.Expire(0)
}

// Expire implements proc.Expirer.
func (f *farewell) Expire(int64) {
	f.say(func(c *rpc.Complete) {
		if c.Status != std.OK {
			f.n.Tab.StartTimer(&f.timer, f.n.Tab.Now+f.pause)
			f.pause = min(2*f.pause, farewellRarest)
		}
	})
}
