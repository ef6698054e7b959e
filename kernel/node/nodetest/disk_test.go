package nodetest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// withDisk is a world whose node 1 has a disk, and the disk's capability.
func withDisk(t *testing.T, blocks int) (*World, *Disk, capability.Capability) {
	w := New(t, 2, 1)
	w.Kill(1)
	d := w.AddDisk(1, blocks)
	w.Boot(1)
	w.Run(50e6)
	return w, d, w.Key.ServiceCap("disk", 1)
}

// claim is what allows to write.
func (w *World) claim(disk capability.Capability) uint32 {
	w.T.Helper()
	h, _ := w.asked(disk, std.Header{Command: std.DiskClaim}, nil, std.OK)
	return h.Extra
}

func TestDisk(t *testing.T) {
	w, d, disk := withDisk(t, 1000)
	if h, _ := w.asked(disk, std.Header{Command: std.DiskSize}, nil, std.OK); h.Offset != 1000 || h.Extra != 0 {
		t.Errorf("%d blocks, blank %d", h.Offset, h.Extra)
	}
	claim := w.claim(disk)
	data := bytes.Repeat([]byte("disk"), 3*128)
	w.asked(disk, std.Header{Command: std.DiskWrite, Offset: 7, Size: 3, Extra: claim}, data, std.OK)
	if !bytes.Equal(d.Image[7*512:10*512], data) {
		t.Error("it is not on the disk")
	}
	w.asked(disk, std.Header{Command: std.DiskSync, Extra: claim}, nil, std.OK)
	if d.Syncs != 1 {
		t.Errorf("%d syncs", d.Syncs)
	}
	if _, got := w.asked(disk, std.Header{Command: std.DiskRead, Offset: 8, Size: 2}, nil, std.OK); !bytes.Equal(got, data[512:]) {
		t.Errorf("%d bytes read", len(got))
	}

	one := make([]byte, 512)
	for _, c := range []struct {
		h    std.Header
		data []byte
	}{
		{std.Header{Command: std.DiskRead, Offset: 1000, Size: 1}, nil},
		{std.Header{Command: std.DiskRead, Offset: 999, Size: 2}, nil},
		{std.Header{Command: std.DiskRead, Offset: 1<<64 - 1, Size: 1}, nil},
		{std.Header{Command: std.DiskRead}, nil},
		{std.Header{Command: std.DiskRead, Size: 1<<32 - 1}, nil},
		{std.Header{Command: std.DiskRead, Size: 1}, one},
		{std.Header{Command: std.DiskWrite, Size: 1, Extra: claim}, one[:511]},
		{std.Header{Command: std.DiskWrite, Size: 2, Extra: claim}, one},
		{std.Header{Command: std.DiskWrite, Extra: claim}, nil},
	} {
		w.asked(disk, c.h, c.data, std.ArgBad)
	}
	w.asked(disk, std.Header{Command: std.Destroy}, nil, std.ComBad)
	w.asked(disk, std.Header{Command: std.BulletCreate}, nil, std.ComBad)
	weak, _ := capability.Restrict(disk, std.DiskRgtRead)
	w.asked(weak, std.Header{Command: std.DiskRead, Size: 1}, nil, std.OK)
	w.asked(weak, std.Header{Command: std.DiskWrite, Size: 1, Extra: claim}, one, std.Denied)
	w.asked(weak, std.Header{Command: std.DiskClaim}, nil, std.Denied)
	weak.Rights = capability.AllRights
	w.asked(weak, std.Header{Command: std.DiskRead, Size: 1}, nil, std.CapBad)
	other := disk
	other.Object = 1
	w.asked(other, std.Header{Command: std.DiskRead, Size: 1}, nil, std.CapBad)

	d.Fails = true
	w.asked(disk, std.Header{Command: std.DiskRead, Size: 1}, nil, std.SysErr)
	if log := strings.Join(w.Nodes[1].log, "\n"); !strings.Contains(log, "the disk could not") {
		t.Errorf("the log does not say so:\n%s", log)
	}
	d.Fails = false
	if _, text := w.asked(disk, std.Header{Command: std.Stat}, nil, std.OK); !bytes.Contains(text, []byte("errors 1\n")) {
		t.Errorf("%s", text)
	}
	w.asked(w.Key.ServiceCap("disk", 2), std.Header{Command: std.DiskRead, Size: 1}, nil, std.NoMedium)
}

// Who claims a disk writes it, and nobody else does: not who had it before, nor who had
// it before the node died.
func TestDisk_Claims(t *testing.T) {
	w, d, disk := withDisk(t, 100)
	block := func(b byte) []byte { return bytes.Repeat([]byte{b}, 512) }
	first := w.claim(disk)
	w.asked(disk, std.Header{Command: std.DiskWrite, Size: 1, Extra: first}, block(1), std.OK)

	// Writes that were asked for before the claim are done before it, those that come
	// after it are not.
	d.Takes = 50e6
	var ended []string
	ask := func(name string, h std.Header, data []byte) {
		h.SetCapability(disk)
		w.Host.Ask(flip.Address{}, &h, data, func(e rpc.Complete) {
			ended = append(ended, name+" "+e.Header.Status().String())
		})
		w.Run(1e6)
	}
	ask("before", std.Header{Command: std.DiskWrite, Size: 1, Extra: first}, block(2))
	ask("claim", std.Header{Command: std.DiskClaim}, nil)
	ask("after", std.Header{Command: std.DiskWrite, Size: 1, Extra: first}, block(3))
	w.RunUntil(10e9, "answered", func() bool { return len(ended) == 3 })
	slices.Sort(ended) // they are answered at one time
	if got := strings.Join(ended, ", "); got != "after STD_DENIED, before STD_OK, claim STD_OK" {
		t.Error(got)
	}
	if d.Image[0] != 2 {
		t.Errorf("block 0 is of write %d", d.Image[0])
	}
	last := w.claim(disk)
	w.Kill(1)
	w.Boot(1)
	w.Run(50e6)
	for _, claim := range []uint32{first, last, 0} {
		w.asked(disk, std.Header{Command: std.DiskWrite, Size: 1, Extra: claim}, block(9), std.Denied)
	}
	w.asked(disk, std.Header{Command: std.DiskSync, Extra: last}, nil, std.Denied)
}

// More requests than the device takes wait, in order, and more than the kernel keeps are
// refused; the node does other things meanwhile.
func TestDisk_ManyRequests(t *testing.T) {
	w, d, disk := withDisk(t, 1000)
	d.Takes = 200e6
	const many = 60
	count := map[std.Status]int{}
	for i := range many {
		h := std.Header{Command: std.DiskRead, Offset: uint64(i), Size: 1}
		h.SetCapability(disk)
		d.Image[i*512] = byte(i)
		w.Host.Ask(flip.Address{}, &h, nil, func(e rpc.Complete) {
			s := e.Status
			if s == std.OK {
				s = e.Header.Status()
			}
			count[s]++
			if s == std.OK && (len(e.Data) != 512 || e.Data[0] != byte(i)) {
				t.Errorf("request %d: %d bytes", i, len(e.Data))
			}
		})
	}
	w.Run(20e6)
	began := w.Now
	w.asked(w.Key.NodeCap(1), std.Header{Command: std.Info}, nil, std.OK)
	if took := w.Now - began; took > 10e6 {
		t.Errorf("the node was busy for %d ms", took/1e6)
	}
	w.Run(30e9)
	if count[std.OK] != 32+diskSlots || d.Deepest != diskSlots {
		t.Errorf("%v; %d at one time", count, d.Deepest)
	}
	w.asked(disk, std.Header{Command: std.DiskRead, Size: 1}, nil, std.OK)
}
