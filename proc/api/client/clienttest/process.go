package clienttest

import (
	"bytes"
	"crypto/sha256"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// Program is the file that Stopped runs.
var Program = bytes.Repeat([]byte("program "), 100_000)

// Stopped is a process as it is written down: one thread, asleep, and two ranges of
// memory, of which some pages are there, some of those of zeros.
type Stopped struct {
	PID        int32
	Generation uint64
	Runs       []uint64 // of the first segment, of 4 MB at 0x400000
}

const page = 4096

// Page is what is in a page of a segment.
func (p *Stopped) Page(segment int, n uint64) []byte {
	b := make([]byte, page)
	if n%3 != 0 {
		b[0], b[1], b[page-1] = byte(n), byte(n>>8), byte(segment+1)
	}
	return b
}

// Records describe it. caps name its segments.
func (p *Stopped) Records(caps ...capability.Capability) []image.Record {
	digest := sha256.Sum256(Program)
	process := image.Process{PID: p.PID, Parent: 1, PGID: p.PID, SID: p.PID, Cwd: "/root", TTY: -1, Log: -1, NextIndex: 1,
		Comm: "counter", Args: []string{"counter", "-v"}, Exe: "/run/counter",
		Threads: image.Threads{{TID: p.PID, FX: make([]byte, 512), Call: &image.Call{Nr: 35, Remaining: 2e9}}},
		Regions: []image.Region{{Start: 0x200000, End: 0x2c4000, Prot: 5, Store: 0}, {Start: 0x400000, End: 0x800000, Prot: 3, Store: -1},
			{Start: 0x900000, End: 0xa00000, Prot: 3, Store: -1}},
		Stores: []image.Store{{Digest: digest[:], Path: "/run/counter", Size: int64(len(Program))}},
		Files:  []image.File{{Kind: image.KindDevice, Path: "/dev/null", Object: -1}}, FDs: []image.FD{{FD: 0}}}
	segments := image.Segments{{Store: -1, Start: 0x400000, Size: 0x400000, Runs: p.Runs}, {Store: -1, Start: 0x900000, Size: 0x100000, Runs: []uint64{0, 2, 9, 1}}}
	for i, c := range caps {
		segments[i].Cap = c.Append(nil)
	}
	var records []image.Record
	for _, r := range []struct {
		t image.Type
		v any
	}{{image.TypeProcess, process}, {image.TypeObjects, []image.Object(nil)}, {image.TypeRPC, []byte("sealed")},
		{image.TypeLineage, image.Lineage{ID: [16]byte{1, byte(p.PID)}, Generation: p.Generation, Taken: 1_700_000_000e9, PID: p.PID, Node: 1}},
		{image.TypeSegments, segments}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			panic(err)
		}
		records = append(records, image.Record{Type: r.t, Required: true, Payload: b})
	}
	return records
}

// Image makes its segments on a node, and the image that names them, with whatever
// else is to be in it.
func (p *Stopped) Image(s *Segments, more ...image.Record) []byte {
	var caps []capability.Capability
	last := len(p.Runs) - 2
	for i, pages := range []uint64{min(p.Runs[last]+p.Runs[last+1], 1024), 10} { // behind them nobody reads
		var memory []byte
		for n := range pages {
			memory = append(memory, p.Page(i, n)...)
		}
		caps = append(caps, s.Add(memory))
	}
	w := image.NewWriter()
	for _, r := range append(p.Records(caps...), more...) {
		w.Add(r)
	}
	return w.Bytes()
}

// SnapshotReply answers SNAPSHOT with an image: in the reply, or, long, by a segment.
// The capability it gives is returned, too.
func SnapshotReply(s *Segments, encoded []byte, node int, long bool) (Reply, capability.Capability) {
	q := api.SnapshotReply{Node: node, FreezeUs: 900, Pages: 3}
	if !long {
		q.Image = encoded
	}
	b, err := image.Marshal(q)
	if err != nil {
		panic(err)
	}
	r, c := Reply{Data: b}, s.Add(encoded)
	r.Header.SetCapability(c)
	return r, c
}

// GetFile answers GETFILE for the program.
func GetFile(h *std.Header, data []byte) (any, std.Status) {
	if digest := sha256.Sum256(Program); !bytes.Equal(data, digest[:]) {
		return nil, std.NotFound
	}
	rest := Program[min(h.Offset, uint64(len(Program))):]
	return api.GetFileReply{Path: "/run/counter", Size: int64(len(Program)), Data: rest[:min(len(rest), int(h.Size))]}, std.OK
}
