package byhand

import (
	"context"
	"encoding/binary"
	"slices"

	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc/api"
	"motile/proc/api/client"
)

// Part is a range of a new process's memory, of whole pages.
type Part struct {
	Start uint64
	Size  uint64
	Prot  uint8 // 1 read, 2 write, 4 execute
	Stack bool
	Bytes []byte // what is at its start; the rest is zero
}

// Program is a process that is to be.
type Program struct {
	Name  string
	Parts []Part // by address
	// Registers are those it starts with, by the names of image.Thread.Regs.
	Registers map[int]uint64
}

// Places in image.Thread.Regs.
const (
	RegSP    = 7
	RegR15   = 15
	RegIP    = 16
	RegFlags = 17
)

// Any process may have these numbers in a descriptor: a copy gets its own.
const someID, someParent = 2, 1

// Start makes the process on a node, detached, with its output in its log.
func Start(ctx context.Context, n *client.Node, p *Program) (pid int32, err error) {
	var segments image.Segments
	for _, part := range p.Parts {
		if len(part.Bytes) == 0 {
			continue // zeros need no segment
		}
		size := pages(uint64(len(part.Bytes)))
		s, err := n.Segment(ctx, size)
		if err != nil {
			return 0, err
		}
		defer s.Drop(ctx) // the process has pages of its own by then
		if err := s.Write(ctx, part.Bytes, 0); err != nil {
			return 0, err
		}
		c := s.Capability()
		segments = append(segments, image.Segment{Store: -1, Start: part.Start, Size: size,
			Cap: c.Append(nil), Runs: []uint64{0, size / abi.PageSize}})
	}
	descriptor, err := p.descriptor(segments)
	if err != nil {
		return 0, err
	}
	return n.Exec(ctx, &api.ExecRequest{Args: []string{p.Name}, Image: descriptor, Detached: true, Stdio: []api.FileRef{{Log: true}}})
}

func pages(n uint64) uint64 { return (n + abi.PageSize - 1) &^ (abi.PageSize - 1) }

// descriptor is the process as an image has it.
func (p *Program) descriptor(segments image.Segments) ([]byte, error) {
	im := image.Process{
		PID: someID, Parent: someParent, PGID: someID, SID: someID, NextIndex: 1,
		Threads: image.Threads{p.thread()}, Comm: p.Name[:min(len(p.Name), 15)], Args: []string{p.Name},
		Cwd: "/", TTY: -1, Log: -1, Umask: 0o022,
		// Descriptors 0 to 2 are one file, for which EXEC's Stdio stands.
		Files: []image.File{{Kind: image.KindRemote, Address: make([]byte, 16), Flags: 2, Object: -1}},
		FDs:   []image.FD{{FD: 0}, {FD: 1}, {FD: 2}},
	}
	for range 16 {
		im.Limits = append(im.Limits, image.Limit{Cur: 1<<64 - 1, Max: 1<<64 - 1})
	}
	for _, part := range p.Parts {
		im.Regions = append(im.Regions, image.Region{Start: part.Start, End: part.Start + pages(part.Size), Prot: part.Prot, Stack: part.Stack, Store: -1})
	}
	im.BrkStart = slices.MaxFunc(im.Regions, func(a, b image.Region) int { return int(a.End>>12) - int(b.End>>12) }).End
	im.Brk = im.BrkStart
	lineage := image.Lineage{ID: [16]byte{'b', 'y', ' ', 'h', 'a', 'n', 'd'}, Generation: 1, PID: someID, Kernel: "none"}
	w := image.NewWriter()
	for _, r := range []struct {
		t image.Type
		v any
	}{{image.TypeProcess, &im}, {image.TypeObjects, []image.Object{}}, {image.TypeLineage, &lineage}, {image.TypeSegments, segments}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			return nil, err
		}
		w.Add(image.Record{Type: r.t, Required: r.t != image.TypeLineage, Payload: b})
	}
	return w.Bytes(), nil
}

func (p *Program) thread() image.Thread {
	t := image.Thread{TID: someID, FX: make([]byte, 512)}
	binary.LittleEndian.PutUint16(t.FX[abi.FXControl:], abi.FCWDefault)
	binary.LittleEndian.PutUint32(t.FX[abi.FXMXCSR:], abi.MXCSRDefault)
	for i, v := range p.Registers {
		t.Regs[i] = v
	}
	return t
}
