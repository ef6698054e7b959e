package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"motile/qemu/bridge/pcapng"
)

func readCapture(t *testing.T, path string) (packets []pcapng.Packet) {
	t.Helper()
	in, err := pcapng.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
}

func TestCapture_RecordsWhatEntersAndWhatIsDropped(t *testing.T) {
	r := newRig(t, 2, Options{})
	file := r.path("c.pcapng")
	r.send("n1", frame(addr(2), addr(1), 0, 60)) // before: not recorded
	r.want("n2", 0)
	if err := r.StartCapture(file); err != nil {
		t.Fatal(err)
	}
	big := frame(addr(2), addr(1), 1, MaxFrame)
	r.send("n1", big)
	r.want("n2", 1)
	r.send("n2", frame(addr(1), addr(2), 2, 60))
	r.want("n1", 2)
	r.faults(Faults{Loss: 1})
	r.send("n1", frame(addr(2), addr(1), 3, 60))
	r.await(func(s Stats) bool { return s.Ports[1].Lost == 1 })
	if s := r.Stats().Capture; s == nil || s.Frames != 4 || s.File != file {
		t.Fatalf("%+v", s)
	}
	s, err := r.StopCapture()
	if err != nil || s.Missed != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	r.send("n1", frame(addr(2), addr(1), 4, 60)) // after

	var got []string
	packets := readCapture(t, file)
	for _, p := range packets {
		got = append(got, fmt.Sprint(p.Interface, " ", number(p.Frame)))
	}
	if want := []string{"n1 1", "n2 2", "n1 3", "dropped 3"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if !bytes.Equal(packets[0].Frame, big) {
		t.Fatal("the largest frame was not recorded whole")
	}
	if d := packets[3].Time.Sub(packets[0].Time); d < 0 || packets[0].Time.Before(s.Started.Add(-1e6)) {
		t.Fatalf("times make no sense: %v after %v", d, s.Started)
	}
}

func TestCapture_OneAtATime(t *testing.T) {
	r := newRig(t, 0, Options{})
	if _, err := r.StopCapture(); !errors.Is(err, ErrNoCapture) {
		t.Fatal(err)
	}
	if err := r.StartCapture(r.path("none/x")); err == nil {
		t.Fatal("recording into a folder that is not there")
	}
	if err := r.StartCapture(r.path("a")); err != nil {
		t.Fatal(err)
	}
	if err := r.StartCapture(r.path("b")); err == nil || !strings.Contains(err.Error(), r.path("a")) {
		t.Fatal(err)
	}
	if _, err := r.StopCapture(); err != nil {
		t.Fatal(err)
	}
	if p := readCapture(t, r.path("a")); len(p) != 0 {
		t.Fatal(p)
	}
}

func TestCapture_ReportsAFullDisk(t *testing.T) {
	r := newRig(t, 2, Options{})
	if err := r.StartCapture("/dev/full"); err != nil {
		t.Skip("no /dev/full here:", err)
	}
	r.send("n1", frame(addr(2), addr(1), 1, 60))
	r.want("n2", 1)
	if _, err := r.StopCapture(); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Fatal(err)
	}
}

func TestCapture_OfSeveralBridges(t *testing.T) {
	a, b := newRig(t, 2, Options{Name: "a"}), newRig(t, 2, Options{Name: "b"})
	file := a.path("c.pcapng")
	if err := StartCapture(file, a.Bridge, b.Bridge); err != nil {
		t.Fatal(err)
	}
	if err := b.StartCapture(b.path("d.pcapng")); err == nil {
		t.Fatal("a bridge is recorded twice")
	}
	a.send("n1", frame(addr(2), addr(1), 0, 60))
	a.want("n2", 0)
	b.send("n2", frame(addr(1), addr(2), 1, 60))
	b.want("n1", 1)
	s, err := StopCapture(a.Bridge, b.Bridge)
	if err != nil || s.Frames != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	packets := readCapture(t, file)
	if len(packets) != 2 || packets[0].Interface != "a/n1" || packets[1].Interface != "b/n2" {
		t.Fatalf("%+v", packets)
	}
	if _, err := StopCapture(a.Bridge, b.Bridge); !errors.Is(err, ErrNoCapture) {
		t.Fatal(err)
	}
}
