package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
)

const (
	// segmentPiece is how much of a segment one request carries: a quarter of what it
	// could, so that what a lost frame costs stays small.
	segmentPiece = 256 << 10
	// segmentWindow is how many requests are under way at a time: enough that the next
	// is at the node while this one's answer travels.
	segmentWindow = 4
)

// Segment is memory that is an object: of a snapshot, of a process, or made by Node's
// Segment.
type Segment struct{ object }

// SegmentWith is the segment that a capability is for. name is what errors call it.
func (c *Client) SegmentWith(cap capability.Capability, name string) *Segment {
	return &Segment{object{c: c, name: name, cap: cap, right: api.SegmentRight,
		gone: "its node does not answer (motile nodes shows who is up)"}}
}

// Segment makes a segment of zeros on the node.
func (n *Node) Segment(ctx context.Context, size uint64) (*Segment, error) {
	h, _, err := n.call(ctx, &std.Header{Command: api.SegCreate, Offset: size}, nil)
	if err != nil {
		return nil, err
	}
	return n.c.SegmentWith(h.Capability(), fmt.Sprintf("segment of node %d", n.Number)), nil
}

// Read fills p from an offset on.
func (s *Segment) Read(ctx context.Context, p []byte, off uint64) error {
	for len(p) > 0 {
		h := &std.Header{Command: std.BulletRead, Offset: off, Size: uint32(min(len(p), segmentPiece))}
		_, data, err := s.call(ctx, h, nil)
		if err != nil {
			return err
		}
		if len(data) == 0 || len(data) > len(p) {
			return &Error{s.name, fmt.Sprintf("gave %d bytes at %#x, where there should be %d", len(data), off, len(p)), errors.New("malformed reply")}
		}
		off += uint64(copy(p, data))
		p = p[len(data):]
	}
	return nil
}

// Size is how long it is.
func (s *Segment) Size(ctx context.Context) (uint64, error) {
	h, _, err := s.call(ctx, &std.Header{Command: std.BulletSize}, nil)
	return h.Offset, err
}

// Write writes p at an offset.
func (s *Segment) Write(ctx context.Context, p []byte, off uint64) error {
	for len(p) > 0 {
		n := min(len(p), segmentPiece)
		if _, _, err := s.call(ctx, &std.Header{Command: api.SegWrite, Offset: off}, p[:n]); err != nil {
			return err
		}
		p, off = p[n:], off+uint64(n)
	}
	return nil
}

// dropTimeout bounds what is done for a node's convenience: it drops segments by itself
// when nobody has touched them for some minutes.
const dropTimeout = 2 * time.Second

// Drop gives a segment back, even if ctx has ended.
func (s *Segment) Drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	_, _, _ = s.call(ctx, &std.Header{Command: std.Destroy}, nil)
}
