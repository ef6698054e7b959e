package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// news is what became of one child, on its way to a parent on another node: one
// event after the other, so that a stop and the continuation after it arrive in that
// order. What does not arrive is sent again, for as long as the parent's node still
// believes in the child (see lookForChild).
type news struct {
	n      *Node
	parent int32
	events []api.ChildEvent // the first is under way, or waits for the timer
	tries  int
	timer  proc.Timer
}

const (
	newsPause = 5e9
	newsTries = 8 // of familyPatience each, and a pause after it
)

// ChildChanged implements proc.Remote.
func (n *Node) ChildChanged(parent int32, c proc.Child) {
	ev := api.ChildEvent{PID: c.PID, PGID: c.PGID, State: uint8(c.State), Status: c.Status,
		UserNs: c.UserNs, SystemNs: c.SystemNs, ExitSig: c.ExitSig, Seq: c.Seq}
	w := n.news[c.PID]
	if w == nil {
		w = &news{n: n, parent: parent}
		w.timer.Init(w)
		n.news[c.PID] = w
	}
	w.events = append(w.events, ev)
	if len(w.events) == 1 {
		w.send()
	}
}

func (w *news) send() {
	data, err := image.Marshal(w.events[0])
	if err != nil {
		w.done()
		return
	}
	h := w.n.processHeader(w.parent, api.Child)
	w.n.call(w.n.ipc.key.ProcessAddress(w.parent), h, data, familyPatience, func(c *rpc.Complete) {
		w.tries++
		// A parent that is gone has left its children to init, which reaps them.
		if c.Status == std.OK || w.tries == newsTries {
			w.done()
			return
		}
		w.n.Tab.StartTimer(&w.timer, w.n.Tab.Now+newsPause)
	})
}

// Expire implements proc.Expirer.
func (w *news) Expire(int64) { w.send() }

// done goes on to the next event.
func (w *news) done() {
	pid := w.events[0].PID
	w.events, w.tries = w.events[1:], 0
	if len(w.events) == 0 {
		delete(w.n.news, pid)
		return
	}
	w.send()
}
