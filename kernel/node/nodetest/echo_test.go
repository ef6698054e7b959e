package nodetest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// echo has node 1 exchange frames with a station, and returns what it says.
func echo(t *testing.T, w *World, q api.EchoRequest) (s std.Status, r api.EchoReply) {
	t.Helper()
	data, err := image.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	h := &std.Header{Command: api.Echo}
	h.SetCapability(w.Key.NodeCap(1))
	over := false
	w.Host.Ask(w.Key.NodeAddress(1), h, data, func(c rpc.Complete) {
		over = true
		if s = c.Header.Status(); s == std.OK {
			err = image.Unmarshal(c.Data, &r)
		}
	})
	w.RunUntil(20e9, "answered", func() bool { return over })
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func TestEcho(t *testing.T) {
	w := New(t, 2, 1)
	peer := mac(2)
	q := api.EchoRequest{Station: peer[:], Rounds: 50, Window: 1, Size: 64}
	s, r := echo(t, w, q)
	if s != std.OK || len(r.RoundNs) != q.Rounds || r.Dropped != 0 {
		t.Fatalf("%v: %+v", s, r)
	}
	for _, ns := range r.RoundNs {
		if there := 2 * w.Wire.Delay; ns < there || ns > 3*there {
			t.Errorf("there and back took %d ns, on a wire of %d", ns, w.Wire.Delay)
		}
	}
}

// One frame comes back for all that went, as many as a ring holds and as long as can be.
func TestEcho_Bulk(t *testing.T) {
	w := New(t, 2, 1)
	peer := mac(2)
	s, r := echo(t, w, api.EchoRequest{Station: peer[:], Rounds: 1, Window: 1, Size: 64, Fill: 100, FillSize: 9014})
	if s != std.OK || len(r.RoundNs) != 1 {
		t.Fatalf("%v: %+v", s, r)
	}
	if s, _ := echo(t, w, api.EchoRequest{Station: peer[:], Rounds: 1, Window: 1, Size: 64, Fill: 1000, FillSize: 9014}); s != std.ArgBad {
		t.Errorf("more frames than a ring holds: %v", s)
	}
	if s, _ := echo(t, w, api.EchoRequest{Station: peer[:], Rounds: 1, Window: 1, Size: 9015}); s != std.ArgBad {
		t.Errorf("a frame too long for the card: %v", s)
	}
}

// Frames that do not come back end the run, and the next one works.
func TestEcho_Lost(t *testing.T) {
	w := New(t, 2, 1)
	q := api.EchoRequest{Station: []byte{2, 0, 0, 0, 0, 9}, Rounds: 3, Window: 1, Size: 64}
	if s, r := echo(t, w, q); s != std.OK || len(r.RoundNs) != 0 {
		t.Fatalf("nobody is there: %v: %+v", s, r)
	}
	peer := mac(2)
	q.Station = peer[:]
	if s, r := echo(t, w, q); s != std.OK || len(r.RoundNs) != 3 {
		t.Fatalf("%v: %+v", s, r)
	}
}

// What a station does with frames of the loopback protocol, byte by byte.
func TestLoopback_Frames(t *testing.T) {
	w := New(t, 2, 1)
	us, other := mac(2), mac(1)
	frame := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	head := frame(us[:], other[:], []byte{0x90, 0})
	forward := frame([]byte{2, 0}, other[:])
	reply := []byte{1, 0, 7, 0, 'd', 'a', 't', 'a'}
	for name, c := range map[string]struct {
		in   []byte
		skip uint16 // of what it sends; 0: nothing
	}{
		"forward":            {frame(head, []byte{0, 0}, forward, reply), 8},
		"second forward":     {frame(head, []byte{8, 0}, forward, forward, reply), 16},
		"a group":            {frame(head, []byte{0, 0}, []byte{2, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, reply), 0},
		"nobody's reply":     {frame(head, []byte{0, 0}, reply), 0},
		"unknown function":   {frame(head, []byte{0, 0}, []byte{9, 0}, other[:]), 0},
		"cut in a forward":   {frame(head, []byte{0, 0}, forward[:6]), 0},
		"skip behind it all": {frame(head, []byte{0xff, 0xff}, forward, reply), 0},
		"no skip count":      {frame(head, []byte{0}), 0},
		"nothing":            {head, 0},
	} {
		w.Wire.Cut = func(from, to int) bool { return true }
		var sent []byte
		w.Watch = func(from int, data []byte) {
			if from == 2 && data[12] == 0x90 {
				sent = data
			}
		}
		w.Nodes[2].Input(0, bytes.Clone(c.in))
		if c.skip == 0 {
			if sent != nil {
				t.Errorf("%s: sent % x", name, sent)
			}
			continue
		}
		want := bytes.Clone(c.in)
		copy(want, other[:])
		copy(want[6:], us[:])
		binary.LittleEndian.PutUint16(want[14:], c.skip)
		if !bytes.Equal(sent, want) {
			t.Errorf("%s:\nsent % x\nwant % x", name, sent, want)
		}
	}
}
