package nodetest

import (
	"bytes"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
)

// segment makes one on a node.
func (w *World) segment(node int, size uint64) capability.Capability {
	w.T.Helper()
	e := w.Host.call(w.Key.NodeCap(node), std.Header{Command: api.SegCreate, Offset: size}, nil)
	if e.Status != std.OK || e.Header.Status() != std.OK {
		w.T.Fatal(e.Status, e.Header.Status())
	}
	return e.Header.Capability()
}

// asked sends a command with a capability and wants a status back.
func (w *World) asked(c capability.Capability, h std.Header, data []byte, want std.Status) (reply std.Header, got []byte) {
	w.T.Helper()
	e := w.Host.call(c, h, data)
	if e.Status != std.OK || e.Header.Status() != want {
		w.T.Errorf("command %d at %#x: %v, %v; want %v", h.Command, h.Offset, e.Status, e.Header.Status(), want)
	}
	return e.Header, e.Data
}

func TestSegment(t *testing.T) {
	w := New(t, 2, 1)
	check := w.leaks()
	const size = 5*4096 + 100
	c := w.segment(1, size)
	if h, _ := w.asked(c, std.Header{Command: std.BulletSize}, nil, std.OK); h.Offset != size || h.Size != size {
		t.Errorf("has %d bytes, %d", h.Offset, h.Size)
	}
	text := bytes.Repeat([]byte("motile"), 2000)
	w.asked(c, std.Header{Command: api.SegWrite, Offset: 4000}, text, std.OK)
	w.asked(c, std.Header{Command: api.SegWrite, Offset: size - 10}, text, std.ArgBad)
	w.asked(c, std.Header{Command: api.SegWrite, Offset: 1 << 63}, text, std.ArgBad)
	want := make([]byte, size)
	copy(want[4000:], text)
	if _, got := w.asked(c, std.Header{Command: std.BulletRead, Size: 1 << 30}, nil, std.OK); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, not what was written", len(got))
	}
	if _, got := w.asked(c, std.Header{Command: std.BulletRead, Offset: 4100, Size: 300}, nil, std.OK); !bytes.Equal(got, want[4100:4400]) {
		t.Errorf("%d bytes from the middle", len(got))
	}
	if _, got := w.asked(c, std.Header{Command: std.BulletRead, Offset: size, Size: 3}, nil, std.OK); len(got) != 0 {
		t.Errorf("%d bytes behind the end", len(got))
	}
	w.asked(c, std.Header{Command: std.BulletRead, Offset: size + 1, Size: 3}, nil, std.ArgBad)

	// Rights.
	only := func(r capability.Rights) capability.Capability {
		_, b := w.asked(c, std.Header{Command: std.Restrict, Offset: uint64(r)}, nil, std.OK)
		weak, _ := capability.Decode(b)
		return weak
	}
	reader, writer := only(capability.PSRRead), only(capability.PSRWrite)
	w.asked(reader, std.Header{Command: api.SegWrite}, text, std.Denied)
	w.asked(reader, std.Header{Command: std.Destroy}, nil, std.Denied)
	w.asked(writer, std.Header{Command: std.BulletRead, Size: 10}, nil, std.Denied)
	w.asked(writer, std.Header{Command: api.SegWrite}, []byte("x"), std.OK)
	forged := reader
	forged.Rights |= capability.PSRWrite
	w.asked(forged, std.Header{Command: api.SegWrite}, text, std.CapBad)
	other := c
	other.Object++
	w.asked(other, std.Header{Command: std.BulletRead}, nil, std.CapBad)
	w.asked(w.Key.NodeCap(1), std.Header{Command: std.BulletRead}, nil, std.ComBad)
	w.asked(w.Key.NodeCap(1), std.Header{Command: api.SegCreate}, nil, std.ArgBad)
	w.asked(w.Key.NodeCap(1), std.Header{Command: api.SegCreate, Offset: 1 << 50}, nil, std.ArgBad)

	// Memory that processes need is not for segments.
	free := w.Nodes[1].K.FreePages
	w.Nodes[1].K.FreePages = func() uint64 { return 100 }
	w.asked(c, std.Header{Command: api.SegWrite}, text, std.NoMem)
	w.Nodes[1].K.FreePages = free

	w.asked(c, std.Header{Command: std.Destroy}, nil, std.OK)
	w.asked(c, std.Header{Command: std.BulletSize}, nil, std.CapBad)
	check()
}

// A segment that nobody touches does not stay.
func TestSegment_Ages(t *testing.T) {
	w := New(t, 1, 1)
	check := w.leaks()
	c, d := w.segment(1, 100), w.segment(1, 100)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	w.Run(100e6)
	snap, _ := w.Snapshot(p.PID)
	for range 15 {
		w.Run(60e9)
		w.asked(c, std.Header{Command: std.Touch}, nil, std.OK)
	}
	w.asked(d, std.Header{Command: std.BulletSize}, nil, std.CapBad)
	w.asked(snap, std.Header{Command: std.BulletSize}, nil, std.CapBad)
	for range 10 {
		w.asked(w.Key.NodeCap(1), std.Header{Command: std.Age}, nil, std.OK)
	}
	w.asked(c, std.Header{Command: std.BulletSize}, nil, std.CapBad)
	w.killAll()
	check()
}

// The memory of a process is read and written with a capability, while it is stunned,
// by who has the right.
func TestRegion(t *testing.T) {
	w := New(t, 2, 1)
	check := w.leaks()
	out := w.Host.NewObject()
	p := w.Nodes[2].Start(sequence(put(textAt, 1, 2, 3), sleep(500e6), has(textAt, "\x01\x09\x03")), nil, w.Nodes[2].Remote(out))
	w.Run(100e6)
	w.asked(w.Key.ProcessCap(p.PID), std.Header{Command: api.Stun, Extra: api.StunQuietly}, nil, std.OK)
	c := w.Key.RegionCap(p.PID, DataBase)
	if h, _ := w.asked(c, std.Header{Command: std.BulletSize}, nil, std.OK); h.Size != DataSize {
		t.Errorf("has %d bytes", h.Size)
	}
	if _, got := w.asked(c, std.Header{Command: std.BulletRead, Offset: textAt, Size: 4}, nil, std.OK); string(got) != "\x01\x02\x03\x00" {
		t.Errorf("% x", got)
	}
	resident, _ := p.Space.Resident()
	if _, got := w.asked(c, std.Header{Command: std.BulletRead, Offset: DataSize / 2, Size: 1 << 16}, nil, std.OK); len(got) != 1<<16 || len(bytes.Trim(got, "\x00")) > 0 {
		t.Errorf("%d bytes, not zero", len(got))
	}
	if now, _ := p.Space.Resident(); now != resident {
		t.Errorf("reading made %d pages", now-resident)
	}
	w.asked(c, std.Header{Command: api.SegWrite, Offset: textAt + 1}, []byte{9}, std.OK)
	w.asked(c, std.Header{Command: api.SegWrite, Offset: DataSize - 1}, []byte{9, 9}, std.ArgBad)
	w.asked(w.Key.RegionCap(p.PID, 0x7000_0000_0000), std.Header{Command: std.BulletRead, Size: 1}, nil, std.NotFound)

	// What lets somebody look at a process does not show what it has in memory.
	_, b := w.asked(w.Key.ProcessCap(p.PID), std.Header{Command: std.Restrict, Offset: uint64(capability.PSRRead)}, nil, std.OK)
	weak, _ := capability.Decode(b)
	weak.Object = c.Object
	w.asked(weak, std.Header{Command: std.BulletRead, Size: 1}, nil, std.CapBad)
	_, b = w.asked(c, std.Header{Command: std.Restrict, Offset: uint64(capability.PSRRead | capability.PSRMigrate)}, nil, std.OK)
	weak, _ = capability.Decode(b)
	w.asked(weak, std.Header{Command: std.BulletRead, Size: 1}, nil, std.OK)
	w.asked(weak, std.Header{Command: api.SegWrite}, []byte{1}, std.Denied)

	w.asked(w.Key.ProcessCap(p.PID), std.Header{Command: api.Resume}, nil, std.OK)
	w.Run(1e9)
	if string(out.Out) != "pass\n" {
		t.Errorf("%q", out.Out)
	}
	w.killAll()
	check()
}
