package bridge

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// PortStats counts frames at one port. In and Out are the bridge's view: In is
// what the node sent.
type PortStats struct {
	Name     string `json:"name"`
	Attached bool   `json:"attached"`

	InFrames  uint64 `json:"in_frames"`
	InBytes   uint64 `json:"in_bytes"`
	OutFrames uint64 `json:"out_frames"` // queued for the port
	OutBytes  uint64 `json:"out_bytes"`
	Waiting   int    `json:"waiting_bytes"` // queued and not yet taken by the node's socket

	// Frames from this port that went nowhere.
	BadSize uint64 `json:"bad_size"` // no Ethernet header, or longer than MaxFrame

	// Deliveries to this port that did not happen.
	QueueFull   uint64 `json:"queue_full"`   // the node does not read fast enough
	Detached    uint64 `json:"detached"`     // nobody there
	Lost        uint64 `json:"lost"`         // fault: loss
	Partitioned uint64 `json:"partitioned"`  // fault: partition
	RateLimited uint64 `json:"rate_limited"` // fault: rate or delay, queue full

	// Deliveries that happened otherwise.
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"`
	Delayed    uint64 `json:"delayed"`
}

// counters are PortStats as they are counted. In-counters belong to the port's
// reader; any other port's reader may count the rest.
type counters struct {
	inFrames, inBytes, badSize                          atomic.Uint64
	outFrames, outBytes                                 atomic.Uint64
	queueFull, detached, lost, partitioned, rateLimited atomic.Uint64
	duplicated, reordered, delayed                      atomic.Uint64
}

// Stats is the bridge at one moment.
type Stats struct {
	Faults  Faults        `json:"faults"`
	Ports   []PortStats   `json:"ports"` // in the order of their names
	Capture *CaptureStats `json:"capture,omitempty"`
}

// CaptureStats is the state of a capture, running or just ended.
type CaptureStats struct {
	File    string    `json:"file"`
	Started time.Time `json:"started"`
	Frames  uint64    `json:"frames"`
	Bytes   uint64    `json:"bytes"`
	Missed  uint64    `json:"missed"` // the disk was too slow
	Error   string    `json:"error,omitempty"`
}

func (p *port) stats() PortStats {
	c := &p.count
	s := PortStats{
		Name:        p.name,
		InFrames:    c.inFrames.Load(),
		InBytes:     c.inBytes.Load(),
		OutFrames:   c.outFrames.Load(),
		OutBytes:    c.outBytes.Load(),
		BadSize:     c.badSize.Load(),
		QueueFull:   c.queueFull.Load(),
		Detached:    c.detached.Load(),
		Lost:        c.lost.Load(),
		Partitioned: c.partitioned.Load(),
		RateLimited: c.rateLimited.Load(),
		Duplicated:  c.duplicated.Load(),
		Reordered:   c.reordered.Load(),
		Delayed:     c.delayed.Load(),
	}
	if out := p.out.Load(); out != nil {
		s.Attached, s.Waiting = true, out.queuedBytes()
	}
	return s
}

// Stats returns the counters of all ports.
func (b *Bridge) Stats() Stats {
	s := Stats{Faults: b.Faults(), Ports: []PortStats{}}
	for _, p := range b.snapshot() {
		s.Ports = append(s.Ports, p.stats())
	}
	slices.SortFunc(s.Ports, func(x, y PortStats) int {
		if len(x.Name) != len(y.Name) {
			return len(x.Name) - len(y.Name) // n2 before n10
		}
		return strings.Compare(x.Name, y.Name)
	})
	if c := b.capture.Load(); c != nil {
		cs := c.stats()
		s.Capture = &cs
	}
	return s
}
