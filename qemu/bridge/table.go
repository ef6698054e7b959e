package bridge

import (
	"sync"
	"time"
)

const (
	sweepEvery = time.Second // a full table is not searched for every frame

	defaultAgeing = 5 * time.Minute // IEEE 802.1D-2004, table 7-5
	maxStations   = 4096            // a node that invents addresses fills the table, not the memory
)

type mac [macBytes]byte

// group says that an address is a multicast or the broadcast address.
func (m mac) group() bool { return m[0]&1 != 0 }

// table remembers behind which port an address was last seen as a source.
type table struct {
	ageing time.Duration

	mu       sync.Mutex
	stations map[mac]station
	swept    time.Time // when expire last ran
}

type station struct {
	port *port
	seen time.Time
}

func newTable(ageing time.Duration) *table {
	return &table{ageing: ageing, stations: map[mac]station{}}
}

// route learns that src lies behind in, and returns the port behind which dst
// lies: nil when that is unknown and the frame must be flooded.
func (t *table) route(src, dst mac, in *port, now time.Time) *port {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !src.group() {
		t.learn(src, station{in, now})
	}
	return t.lookUp(dst, now)
}

// find is route for a frame that proves nothing about its source.
func (t *table) find(dst mac, now time.Time) *port {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lookUp(dst, now)
}

// lookUp returns the port behind which dst lies. Called with mu held.
func (t *table) lookUp(dst mac, now time.Time) *port {
	if dst.group() {
		return nil
	}
	s, ok := t.stations[dst]
	if !ok {
		return nil
	}
	if now.Sub(s.seen) > t.ageing {
		delete(t.stations, dst)
		return nil
	}
	return s.port
}

func (t *table) learn(src mac, s station) {
	if _, known := t.stations[src]; !known && len(t.stations) >= maxStations {
		t.expire(s.seen)
		if len(t.stations) >= maxStations {
			return
		}
	}
	t.stations[src] = s
}

func (t *table) expire(now time.Time) {
	if now.Sub(t.swept) < sweepEvery {
		return
	}
	t.swept = now
	for m, s := range t.stations {
		if now.Sub(s.seen) > t.ageing {
			delete(t.stations, m)
		}
	}
}

// forget drops what was learnt about a port whose link went down.
func (t *table) forget(p *port) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for m, s := range t.stations {
		if s.port == p {
			delete(t.stations, m)
		}
	}
}
