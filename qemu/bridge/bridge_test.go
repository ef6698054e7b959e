package bridge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain also checks that no goroutine of the bridge outlives the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for code == 0 {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if strings.Count(string(stacks), "motile/qemu/bridge.") <= 1 { // TestMain
			break
		}
		if time.Now().After(deadline) {
			fmt.Printf("goroutines left behind:\n%s", stacks)
			code = 1
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(code)
}

// rig is a bridge with ports n1 … nN, and the far end of each.
type rig struct {
	*Bridge
	t    testing.TB
	dir  string
	node map[string]*Conn
}

func newRig(t testing.TB, nports int, opt Options) *rig {
	dir, err := os.MkdirTemp("", "br") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{New(opt), t, dir, map[string]*Conn{}}
	t.Cleanup(func() {
		for _, c := range r.node {
			c.Close()
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	for i := range nports {
		r.add(fmt.Sprintf("n%d", i+1))
	}
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) add(name string) {
	if err := r.AddPort(name, r.path(name)); err != nil {
		r.t.Fatal(err)
	}
	r.attach(name)
}

// attach connects to a port and waits until the bridge has noticed.
func (r *rig) attach(name string) *Conn {
	c, err := Dial(r.path(name))
	if err != nil {
		r.t.Fatal(err)
	}
	r.node[name] = c
	r.await(func(s Stats) bool {
		for _, p := range s.Ports {
			if p.Name == name {
				return p.Attached
			}
		}
		return false
	})
	return c
}

func (r *rig) await(cond func(Stats) bool) {
	r.t.Helper()
	for range 1000 {
		if cond(r.Stats()) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.t.Fatalf("waited in vain; bridge: %+v", r.Stats())
}

func (r *rig) stats(name string) PortStats {
	for _, p := range r.Stats().Ports {
		if p.Name == name {
			return p
		}
	}
	r.t.Fatalf("no port %s", name)
	return PortStats{}
}

func addr(n byte) mac { return mac{0x52, 0x54, 0, 0x4d, 0, n} }

var broadcast = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// frame makes one that carries a number.
func frame(dst, src mac, number, lenBytes int) []byte {
	f := append(append(dst[:], src[:]...), 0x88, 0xb5)
	f = binary.BigEndian.AppendUint32(f, uint32(number))
	return append(f, make([]byte, max(0, lenBytes-len(f)))...)
}

func number(f []byte) int { return int(binary.BigEndian.Uint32(f[etherHeader:])) }

func (r *rig) send(from string, frames ...[]byte) {
	r.t.Helper()
	if err := r.node[from].Send(frames...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) want(at string, numbers ...int) {
	r.t.Helper()
	c := r.node[at]
	c.SetRecvDeadline(time.Now().Add(5 * time.Second))
	for i, n := range numbers {
		f, err := c.Recv()
		if err != nil {
			r.t.Fatalf("%s: frame %d of %d: %v", at, i, len(numbers), err)
		}
		if number(f) != n {
			r.t.Fatalf("%s: got frame %d, want %d", at, number(f), n)
		}
	}
}

// silent checks that nothing comes within a moment.
func (r *rig) silent(at string) {
	r.t.Helper()
	c := r.node[at]
	c.SetRecvDeadline(time.Now().Add(30 * time.Millisecond))
	if f, err := c.Recv(); !errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Fatalf("%s: got %x, %v; want silence", at, f, err)
	}
}

func TestBridge_FloodsThenLearns(t *testing.T) {
	r := newRig(t, 3, Options{})
	r.send("n1", frame(addr(2), addr(1), 1, 60)) // unknown: everybody
	r.want("n2", 1)
	r.want("n3", 1)
	r.send("n2", frame(addr(1), addr(2), 2, 60)) // known: n1 alone
	r.want("n1", 2)
	r.send("n1", frame(addr(2), addr(1), 3, 60))
	r.want("n2", 3)
	r.silent("n3")
	r.send("n3", frame(broadcast, addr(3), 4, 60))
	r.want("n1", 4)
	r.want("n2", 4)
	r.silent("n3") // never back to the sender
}

func TestBridge_CarriesTheLargestFrame(t *testing.T) {
	r := newRig(t, 2, Options{})
	f := frame(broadcast, addr(1), 7, MaxFrame)
	for i := range f[20:] {
		f[20+i] = byte(i * 7)
	}
	r.send("n1", f, f, f)
	for range 3 {
		got, err := r.node["n2"].Recv()
		if err != nil || !bytes.Equal(got, f) {
			t.Fatalf("%d bytes came, %v", len(got), err)
		}
	}
}

func TestBridge_CountsFramesOfBadSize(t *testing.T) {
	r := newRig(t, 2, Options{})
	raw := r.node["n1"].conn
	raw.Write(appendFrame(nil, make([]byte, 13)))
	raw.Write(appendFrame(nil, make([]byte, MaxFrame+1)))
	r.send("n1", frame(broadcast, addr(1), 1, 60))
	r.want("n2", 1)
	if s := r.stats("n1"); s.BadSize != 2 || s.InFrames != 3 {
		t.Fatalf("%+v", s)
	}
}

func TestBridge_ClosesAStreamOutOfStep(t *testing.T) {
	r := newRig(t, 2, Options{})
	r.node["n1"].conn.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	r.await(func(s Stats) bool { return !s.Ports[0].Attached })
	r.attach("n1") // the port itself is well
	r.send("n1", frame(broadcast, addr(1), 1, 60))
	r.want("n2", 1)
}

func TestBridge_RestartedNodeTakesItsPort(t *testing.T) {
	r := newRig(t, 2, Options{})
	old := r.node["n1"]
	r.attach("n1") // while the old connection is still there
	if _, err := old.Recv(); err == nil {
		t.Fatal("the old connection is still served")
	}
	old.Close()
	r.send("n1", frame(broadcast, addr(1), 1, 60))
	r.want("n2", 1)
	r.send("n2", frame(addr(1), addr(2), 2, 60))
	r.want("n1", 2)
}

func TestBridge_ForgetsADeadPort(t *testing.T) {
	r := newRig(t, 3, Options{})
	r.send("n1", frame(broadcast, addr(1), 1, 60))
	r.want("n2", 1)
	r.want("n3", 1)
	r.node["n1"].Close()
	r.await(func(s Stats) bool { return !s.Ports[0].Attached })
	r.send("n2", frame(addr(1), addr(2), 2, 60)) // flooded again
	r.want("n3", 2)
	if s := r.stats("n1"); s.Detached != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestBridge_HostPortsComeAndGo(t *testing.T) {
	r := newRig(t, 1, Options{})
	if err := r.ListenHosts(r.path("hosts")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"host-1", "host-2"} {
		c, err := Dial(r.path("hosts"))
		if err != nil {
			t.Fatal(err)
		}
		r.node[name] = c
		r.await(func(s Stats) bool { return s.Ports[len(s.Ports)-1].Name == name })
	}
	r.send("host-1", frame(broadcast, addr(9), 1, 60))
	r.want("n1", 1)
	r.want("host-2", 1)
	r.node["host-1"].Close()
	r.await(func(s Stats) bool { return len(s.Ports) == 2 })
}

func TestBridge_SlowPortStallsNobody(t *testing.T) {
	r := newRig(t, 3, Options{QueueBytes: 256 << 10})
	r.send("n2", frame(broadcast, addr(2), 0, 60))
	r.want("n1", 0)
	r.want("n3", 0)

	// n3 does not read. Everything n1 says is flooded to it as well.
	const n = 2000
	for i := range n {
		r.send("n1", frame(broadcast, addr(1), i, 9014))
		r.want("n2", i)
	}
	s := r.stats("n3")
	if s.QueueFull == 0 || s.OutFrames+s.QueueFull != n+1 {
		t.Fatalf("%+v", s)
	}
	if two := r.stats("n2"); two.QueueFull != 0 {
		t.Fatalf("%+v", two)
	}
	// Tail drop: what n3 gets when it reads again is the beginning, in order.
	for i := range int(s.OutFrames) - 1 {
		r.want("n3", i)
	}
}

func TestBridge_RefusesAPortTwice(t *testing.T) {
	r := newRig(t, 1, Options{})
	if err := r.AddPort("n1", r.path("other")); err == nil || !strings.Contains(err.Error(), "n1 exists") {
		t.Fatal(err)
	}
	r.RemovePort("n1")
	if _, err := os.Stat(r.path("n1")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("socket left behind: %v", err)
	}
	r.await(func(s Stats) bool { return len(s.Ports) == 0 })
	r.add("n1")
}

func TestBridge_TakesOverAStaleSocket(t *testing.T) {
	r := newRig(t, 0, Options{})
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.path("n1"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	r.add("n1")
}

func TestTable_Ages(t *testing.T) {
	tb := newTable(time.Minute)
	p, q := &port{}, &port{}
	now := time.Unix(0, 0)
	tb.route(addr(1), broadcast, p, now)
	if got := tb.route(addr(2), addr(1), q, now.Add(time.Minute)); got != p {
		t.Fatal("forgotten too early")
	}
	if got := tb.route(addr(2), addr(1), q, now.Add(time.Minute+1)); got != nil {
		t.Fatal("not forgotten")
	}
	tb.route(addr(1), broadcast, q, now) // moved
	if got := tb.route(addr(2), addr(1), q, now); got != q {
		t.Fatal("the move was not noticed")
	}
	if tb.route(broadcast, addr(7), p, now); tb.route(addr(1), broadcast, p, now) != nil {
		t.Fatal("learned a group address")
	}
}

func TestTable_IsBounded(t *testing.T) {
	tb := newTable(time.Minute)
	p := &port{}
	now := time.Unix(0, 0)
	for i := range 2 * maxStations {
		m := mac{2}
		binary.BigEndian.PutUint32(m[2:], uint32(i))
		tb.route(m, broadcast, p, now)
	}
	if len(tb.stations) != maxStations {
		t.Fatal(len(tb.stations))
	}
	tb.route(addr(1), broadcast, p, now.Add(2*time.Minute)) // all others have aged
	if len(tb.stations) != 1 {
		t.Fatal(len(tb.stations))
	}
}
