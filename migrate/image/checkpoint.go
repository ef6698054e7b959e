package image

import (
	"encoding/binary"
	"fmt"

	"motile/ipc/capability"
)

// Lineage says of which process a checkpoint is, and which of its checkpoints.
type Lineage struct {
	ID         [16]byte `cbor:"1,keyasint"` // minted at the first checkpoint
	Generation uint64   `cbor:"2,keyasint"` // counts the checkpoints, from 1
	Taken      int64    `cbor:"3,keyasint"` // wall clock, ns since 1970
	PID        int32    `cbor:"4,keyasint"`
	Node       int      `cbor:"5,keyasint"`
	Kernel     string   `cbor:"6,keyasint"` // version of the kernel that took it
	CPU        []CPUID  `cbor:"7,keyasint"` // what the program may have found out about the CPU
}

// CPUID is a leaf of the instruction, as in an offer.
type CPUID struct {
	Leaf uint32    `cbor:"1,keyasint"`
	Regs [4]uint32 `cbor:"2,keyasint"` // EAX EBX ECX EDX
}

// Bound is what seals of the checkpoint are bound to: they open in no other.
func (l *Lineage) Bound() []byte {
	return binary.BigEndian.AppendUint64(append([]byte("checkpoint"), l.ID[:]...), l.Generation)
}

const (
	maxKernel = 64
	maxLeaves = 16
)

// Check reports the first thing that is wrong.
func (l *Lineage) Check() error {
	switch {
	case l.ID == [16]byte{} || l.Generation == 0 || l.Generation > maxTime:
		return fmt.Errorf("lineage %x, generation %d", l.ID, l.Generation)
	case l.Taken < 0 || l.Taken > maxTime:
		return fmt.Errorf("lineage taken at %d ns", l.Taken)
	case !validPID(l.PID) || l.Node < 0 || l.Node > maxNode:
		return fmt.Errorf("lineage of process %d on node %d", l.PID, l.Node)
	case len(l.Kernel) > maxKernel || len(l.CPU) > maxLeaves:
		return fmt.Errorf("lineage: kernel of %d bytes, %d CPUID leaves", len(l.Kernel), len(l.CPU))
	}
	return nil
}

const maxNode = 1 << 16

// Segment is memory of the process: a part of a region's private pages, or of what a
// store holds. In core a capability names it, on disk its pages are in the pages
// records that have its index.
type Segment struct {
	Store int32    `cbor:"1,keyasint"` // index into Stores, -1: private pages, by address
	Start uint64   `cbor:"2,keyasint"` // address, or offset in the store
	Size  uint64   `cbor:"3,keyasint"` // bytes
	Cap   []byte   `cbor:"4,keyasint"` // capability of the segment; empty on disk
	Runs  []uint64 `cbor:"5,keyasint"` // first page, count, …: pages that are there; the others are as the region or store has them, zero or of the file
}

// Segments is a list that costs no more memory than a small multiple of what came.
type Segments []Segment

// What a segment takes at least.
const segmentMin = 11

// UnmarshalCBOR implements cbor.Unmarshaler.
func (s *Segments) UnmarshalCBOR(b []byte) error {
	return unmarshalList((*[]Segment)(s), b, segmentMin)
}

// Check reports the first thing that is wrong with the segments of a process that has
// been checked. They ascend by store and start and do not overlap.
func (s Segments) Check(p *Process) error {
	if len(s) > 2*maxRegions {
		return fmt.Errorf("%d segments", len(s))
	}
	store, end := int32(-1), uint64(0)
	for i := range s {
		g := &s[i]
		if g.Store != store {
			end = 0
		}
		if g.Store < store || g.Start < end {
			return fmt.Errorf("segment %d: store %d, %#x is not after the one before", i, g.Store, g.Start)
		}
		if err := g.check(p); err != nil {
			return fmt.Errorf("segment %d: %w", i, err)
		}
		store, end = g.Store, g.Start+g.Size
	}
	return nil
}

func (g *Segment) check(p *Process) error {
	switch {
	case g.Start > maxSize*256 || g.Start%pageSize != 0 || g.Size == 0 || g.Size > maxSize || g.Size%pageSize != 0:
		return fmt.Errorf("%d bytes at %#x", g.Size, g.Start)
	case len(g.Cap) != 0 && len(g.Cap) != capability.EncodedLen:
		return fmt.Errorf("capability of %d bytes", len(g.Cap))
	case g.Store < 0 && !p.regionHolds(g.Start, g.Start+g.Size):
		return fmt.Errorf("%#x-%#x is not in a region", g.Start, g.Start+g.Size)
	case g.Store >= 0 && (int(g.Store) >= len(p.Stores) || g.Start+g.Size > roundUp(uint64(p.Stores[g.Store].Size))):
		return fmt.Errorf("%#x-%#x of store %d of %d", g.Start, g.Start+g.Size, g.Store, len(p.Stores))
	case len(g.Runs)%2 != 0:
		return fmt.Errorf("half a run")
	}
	next, pages := uint64(0), g.Size/pageSize
	for i := 0; i < len(g.Runs); i += 2 {
		first, n := g.Runs[i], g.Runs[i+1]
		if first < next || first >= pages || n == 0 || n > pages-first {
			return fmt.Errorf("run of %d pages from %d, of %d", n, first, pages)
		}
		next = first + n
	}
	return nil
}

// Pages is how many pages of the segment are there.
func (g *Segment) Pages() (n uint64) {
	for i := 1; i < len(g.Runs); i += 2 {
		n += g.Runs[i]
	}
	return n
}

func roundUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// regionHolds reports whether one region of private pages has the range.
func (p *Process) regionHolds(start, end uint64) bool {
	for _, r := range p.Regions {
		if r.Start <= start && end <= r.End {
			return !r.Shared
		}
	}
	return false
}

// Content is a piece of a file that a target may lack.
type Content struct {
	Digest []byte `cbor:"1,keyasint"` // SHA-256 of the whole
	Path   string `cbor:"2,keyasint"`
	Size   int64  `cbor:"3,keyasint"` // of the whole
	Off    int64  `cbor:"4,keyasint"`
	Data   []byte `cbor:"5,keyasint"`
}

// Check reports the first thing that is wrong.
func (c *Content) Check() error {
	switch {
	case len(c.Digest) != 32 || c.Path == "" || c.Path[0] != '/' || len(c.Path) > 4096:
		return fmt.Errorf("file %.20q with a digest of %d bytes", c.Path, len(c.Digest))
	case c.Size < 0 || c.Size > maxSize || c.Off < 0 || c.Off > c.Size || int64(len(c.Data)) > c.Size-c.Off:
		return fmt.Errorf("file %.20q: %d bytes at %d of %d", c.Path, len(c.Data), c.Off, c.Size)
	}
	return nil
}
