package client

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// cache is what a client has looked up and may use again. A request of its own waits at the
// server all the time; the reply says what must be forgotten, and whoever has changed it is
// not answered before. If the server is not heard of, all is forgotten when the lease is
// over.
type cache struct {
	trans Trans
	root  capability.Capability
	id    uint64
	now   func() time.Time

	mu      sync.Mutex
	server  capability.Port // put-port of the replica that knows what we keep; null: none
	until   time.Time       // end of the lease
	rows    map[string]keptRow
	changes uint32 // counts what was forgotten
	stopped bool
	hits    uint64
}

type keptRow struct {
	row     std.SoapRow
	visited []uint64
}

const (
	lease       = std.SoapLeaseMs * time.Millisecond
	maxKept     = 4096
	watchAgain  = 500 * time.Millisecond
	watchMargin = 100 * time.Millisecond // what a row that was found a moment ago is used for is over by then
)

// Keep has the client keep what it looks up, and use it until somebody changes it. It has
// to ask the server something every second, until stop is called.
func (c *Client) Keep() (stop func()) {
	k := &cache{trans: c.trans, root: c.root, id: rand.Uint64() | 1, now: time.Now, rows: make(map[string]keptRow)}
	c.cache = k
	go k.watch()
	return func() {
		k.mu.Lock()
		k.stopped = true
		k.forget()
		k.mu.Unlock()
	}
}

// Hits is how many lookups the server has not seen.
func (c *Client) Hits() uint64 {
	if c.cache == nil {
		return 0
	}
	c.cache.mu.Lock()
	defer c.cache.mu.Unlock()
	return c.cache.hits
}

func (k *cache) get(path string) (row std.SoapRow, ok bool) {
	if k == nil {
		return row, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.rows[path]
	if !ok || !k.now().Before(k.until) {
		return row, false
	}
	k.hits++
	row = r.row
	row.Set.Members = slices.Clone(row.Set.Members) // the caller's own
	return row, true
}

// ask makes a lookup one whose result may be kept, if it is one of the root: it goes to the
// replica that knows us. Extra remembers what had been forgotten when it went.
func (k *cache) ask(dir capability.Set, h std.Header) (std.Header, capability.Set) {
	if k == nil {
		return h, dir
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.server.IsNull() || First(dir) != k.root || !k.now().Before(k.until) {
		return h, dir
	}
	h.Offset, h.Extra = k.id, k.changes
	c := k.root
	c.Port = k.server
	set := Cap(c)
	set.Members = append(set.Members, dir.Members...) // if that replica is gone
	return h, set
}

// put keeps what was found, unless something was forgotten since the lookup began: that may
// have been this.
func (k *cache) put(path string, f *std.SoapFound, changes uint32) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if changes != k.changes || k.stopped {
		return
	}
	if len(k.rows) >= maxKept {
		clear(k.rows)
	}
	row := f.Row
	row.Set.Members = slices.Clone(row.Set.Members)
	k.rows[path] = keptRow{row, f.Visited}
}

// forget drops everything.
func (k *cache) forget() {
	clear(k.rows)
	k.changes++
	k.until = time.Time{}
}

// watch asks what has changed, as long as somebody is interested.
func (k *cache) watch() {
	reply := make([]byte, std.SoapMaxData)
	answer := uint32(0)
	for {
		k.mu.Lock()
		stopped, server := k.stopped, k.server
		k.mu.Unlock()
		if stopped {
			return
		}
		asked := k.now()
		h := std.Header{Command: std.SoapWatch, Offset: k.id, Extra: answer}
		h.SetCapability(k.root)
		if !server.IsNull() {
			h.Port = server
		}
		n, err := k.trans(&h, nil, reply)
		if err == nil && h.Status() != std.OK {
			err = h.Status()
		}
		var dirs []uint64
		if err == nil {
			err = std.SoapDecode(reply[:n], &dirs)
		}
		k.mu.Lock()
		if err != nil {
			k.lost(err)
			k.mu.Unlock()
			time.Sleep(watchAgain)
			continue
		}
		answer = h.Extra
		k.told(&h, dirs, asked)
		k.mu.Unlock()
	}
}

// lost notes that the replica does not answer: what is kept is good until the lease ends,
// and nothing more is.
func (k *cache) lost(err error) {
	k.server = capability.Port{}
	if !errors.Is(err, std.SoapUnavail) {
		k.forget() // another replica will know nothing of it
	}
}

// told takes an answer. The lease counts from when we asked for it.
func (k *cache) told(h *std.Header, dirs []uint64, asked time.Time) {
	if h.Size != 0 || k.server != h.Port {
		k.forget()
	}
	k.server, k.until = h.Port, asked.Add(lease-watchMargin)
	if len(dirs) == 0 {
		return
	}
	k.changes++
	for path, r := range k.rows {
		if slices.ContainsFunc(r.visited, func(n uint64) bool { return slices.Contains(dirs, n) }) {
			delete(k.rows, path)
		}
	}
}
