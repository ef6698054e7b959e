package nodetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/proc"
	"motile/proc/api"
)

// Images that cannot be made processes of: the answer says what is wrong, and nothing
// stays.

// checkpoint is an image in its parts.
type checkpoint struct {
	w        *World
	im       image.Process
	objects  []image.Object
	state    image.RPC
	lineage  image.Lineage
	segments image.Segments
}

func (w *World) open(b []byte) *checkpoint {
	w.T.Helper()
	x := &checkpoint{w: w}
	recs, err := image.Read(b)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, part := range []struct {
		t image.Type
		v any
	}{{image.TypeLineage, &x.lineage}, {image.TypeProcess, &x.im}, {image.TypeObjects, &x.objects}, {image.TypeSegments, &x.segments}, {image.TypeRPC, &x.state}} {
		payload, err := image.Find(recs, part.t)
		if err == nil && part.t == image.TypeRPC {
			payload, err = seal.Open((*[32]byte)(&w.Key), x.lineage.Bound(), payload)
		}
		if err == nil {
			err = image.Unmarshal(payload, part.v)
		}
		if err != nil {
			w.T.Fatal(part.t, err)
		}
	}
	return x
}

func (x *checkpoint) encode() []byte {
	iw := image.NewWriter()
	for _, r := range []struct {
		t image.Type
		v any
	}{{image.TypeProcess, x.im}, {image.TypeObjects, x.objects}, {image.TypeRPC, x.state}, {image.TypeLineage, x.lineage}, {image.TypeSegments, x.segments}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			x.w.T.Fatal(err)
		}
		if r.t == image.TypeRPC {
			b = seal.Seal((*[32]byte)(&x.w.Key), [16]byte{}, x.lineage.Bound(), b)
		}
		iw.Add(image.Record{Type: r.t, Required: true, Payload: b})
	}
	return iw.Bytes()
}

// big is a process with so many pages, each with its number in it.
func (w *World) big(node, pages int) *proc.Process {
	p := w.Nodes[node].Start(sequence(func(u *User, _ uint64) string {
		for i := range pages {
			u.poke(DataBase+uint64(i+16)*4096, uint32(i)+1)
		}
		return ""
	}, sleep(200e6), func(u *User, _ uint64) string {
		for i := range pages {
			if v := u.peek(DataBase + uint64(i+16)*4096); v != uint32(i)+1 {
				return fmt.Sprintf("page %d has %d", i, v)
			}
		}
		return ""
	}), nil, w.Nodes[node].Remote(w.Host.NewObject()))
	w.Run(100e6)
	return p
}

func TestRestart_Refusals(t *testing.T) {
	cap0 := func(c capability.Capability) []byte { return c.Append(nil) }
	for name, c := range map[string]struct {
		spoil func(w *World, x *checkpoint)
		want  string
	}{
		"an instruction pointer of the kernel": {func(w *World, x *checkpoint) { x.im.Threads[0].Regs[16] = 1<<64 - 4096 }, "image of process"},
		"an address that is no address":        {func(w *World, x *checkpoint) { x.im.Threads[0].Regs[18] = 1 << 60 }, "image of process"},
		"overlapping segments":                 {func(w *World, x *checkpoint) { x.segments = append(x.segments, x.segments[0]) }, "not after the one before"},
		"a segment outside all regions":        {func(w *World, x *checkpoint) { x.segments[0].Start = 0x7000_0000_0000 }, "not in a region"},
		"a terabyte": {func(w *World, x *checkpoint) {
			x.im.Regions[len(x.im.Regions)-1].End = 0x7000_0000_0000
			s := &x.segments[len(x.segments)-1]
			s.Size, s.Runs = 1<<40, []uint64{0, 1 << 28}
		}, "KB free"},
		"overlapping regions": {func(w *World, x *checkpoint) { x.im.Regions = append(x.im.Regions, x.im.Regions[0]) }, "region"},
		"no capability":       {func(w *World, x *checkpoint) { x.segments[0].Cap = nil }, "SEG_CREATE"},
		"a capability that was made up": {func(w *World, x *checkpoint) {
			x.segments[0].Cap = cap0(capability.Capability{Port: w.Key.NodePort(1).Put(), Object: api.SegmentObject(1), Rights: capability.PSRRead})
		}, "no such segment"},
		"a capability of this node that was made up": {func(w *World, x *checkpoint) {
			x.segments[0].Cap = cap0(capability.Capability{Port: w.Key.NodePort(2).Put(), Object: api.SegmentObject(1), Rights: capability.PSRRead})
		}, "no such segment"},
		"memory of another process, without the right": {func(w *World, x *checkpoint) {
			p := w.Nodes[1].Tab.Processes()[0].PID
			weak := capability.Derive(w.Key.RegionCap(p, DataBase), w.Key.ProcessSecret(p), capability.PSRRead)
			x.segments[0].Cap = cap0(weak)
		}, "PSR_READ"},
		"a segment that is shorter": {func(w *World, x *checkpoint) { x.segments[0].Cap = cap0(w.segment(1, 4096)) }, "segment"},
		"a port that nobody has": {func(w *World, x *checkpoint) {
			x.segments[0].Cap = cap0(capability.Capability{Port: capability.Port{7, 7}})
		}, "does not answer"},
		"a CPU with more": {func(w *World, x *checkpoint) { x.lineage.CPU = []image.CPUID{{Leaf: 7, Regs: [4]uint32{0, 1 << 5}}} }, "CPUID leaf 0x7"},
		"a directory":     {func(w *World, x *checkpoint) { x.im.Cwd = "/no/such" }, "/no/such"},
		"an object that is gone": {func(w *World, x *checkpoint) {
			for i := range x.im.Files {
				x.im.Files[i].Address[3] ^= 1
			}
		}, "does not answer"},
		"another lineage":     {func(w *World, x *checkpoint) { x.lineage.Generation = 0 }, "generation 0"},
		"a thread of nothing": {func(w *World, x *checkpoint) { x.im.Threads = nil }, "0 threads"},
		"pages of a file": {func(w *World, x *checkpoint) {
			x.im.Stores = append(x.im.Stores, image.Store{Digest: make([]byte, 32), Size: 1 << 20})
			x.segments = append(x.segments, image.Segment{Store: int32(len(x.im.Stores) - 1), Size: 4096, Runs: []uint64{0, 1}})
		}, "pages of a file"},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(t, 2, 1)
			check := w.leaks()
			p := w.big(1, 100)
			snap, r := w.Snapshot(p.PID)
			x := w.open(r.Image)
			c.spoil(w, x)
			got := w.exec(2, api.ExecRequest{Image: x.encode()})
			if got.PID != 0 || !strings.Contains(got.Refused, c.want) {
				t.Errorf("process %d, %q; want %q", got.PID, got.Refused, c.want)
			}
			if n := len(w.Nodes[2].Tab.Processes()); n != 0 {
				t.Errorf("%d processes", n)
			}
			w.Destroy(snap)
			w.killAll()
			w.Run(1300e9) // segments age
			check()
		})
	}
}

func TestRestart_Seal(t *testing.T) {
	w := New(t, 2, 1)
	p := w.big(1, 10)
	_, first := w.Snapshot(p.PID)
	_, second := w.Snapshot(p.PID)
	old, now := w.open(first.Image), w.open(second.Image)
	if old.lineage.ID != now.lineage.ID || old.lineage.Generation+1 != now.lineage.Generation {
		t.Errorf("%+v, then %+v", old.lineage, now.lineage)
	}
	for name, b := range map[string][]byte{
		"a bit is another": func() []byte {
			b := append([]byte(nil), first.Image...)
			i := strings.Index(string(b), "\x00\x03\x00\x01") // the rpc record
			b[i+40] ^= 1
			return b
		}(),
		"an old record in a new image": func() []byte { x := *now; x.lineage = old.lineage; b := x.encode(); return swapRPC(t, b, second.Image) }(),
		"cut short":                    first.Image[:len(first.Image)-20],
	} {
		if r := w.exec(2, api.ExecRequest{Image: b}); r.PID != 0 || r.Refused == "" {
			t.Errorf("%s: process %d", name, r.PID)
		}
	}
}

// swapRPC puts the rpc record of one image into another.
func swapRPC(t *testing.T, into, from []byte) []byte {
	a, err := image.Read(into)
	if err != nil {
		t.Fatal(err)
	}
	b, err := image.Read(from)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := image.Find(b, image.TypeRPC)
	iw := image.NewWriter()
	for _, r := range a {
		if r.Type == image.TypeRPC {
			r.Payload = payload
		}
		iw.Add(r)
	}
	return iw.Bytes()
}

// The node that has the segments loses power, or they are destroyed, or memory runs out,
// while they are read: at every frame of it.
func TestRestart_PullBreaks(t *testing.T) {
	for name, strike := range map[string]func(w *World, snap capability.Capability){
		"power": func(w *World, _ capability.Capability) { w.Kill(1) },
		"destroyed": func(w *World, snap capability.Capability) {
			h := std.Header{Command: std.Destroy}
			h.SetCapability(snap)
			w.Host.Ask(w.Key.NodeAddress(1), &h, nil, func(rpc.Complete) {})
		},
		"pressure": func(w *World, _ capability.Capability) { w.Nodes[1].K.Pressure = func() bool { return true } },
	} {
		t.Run(name, func(t *testing.T) {
			ended, made := 0, 0
			for k := 1; k < 40; k += 3 {
				w := New(t, 2, uint64(k))
				check := w.leaks()
				p := w.big(1, 200)
				snap, r := w.Snapshot(p.PID)
				frames, struck := 0, false
				w.Wire.Cut = func(from, to int) bool {
					if from+to == 3 && from*to == 2 {
						if frames++; frames == k {
							struck = true
							w.due = append(w.due, func() { strike(w, snap) })
						}
					}
					return false
				}
				got := w.exec(2, api.ExecRequest{Image: r.Image})
				switch {
				case got.PID != 0:
					made++
				case got.Refused == "":
					t.Error("no reason")
				default:
					ended++
				}
				w.Run(20e9)
				if struck && name == "power" {
					w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
					w.Run(60e9)
					if s := w.Nodes[2].Leftovers(); s != "" {
						t.Error(s)
					}
					continue
				}
				w.Nodes[1].K.Pressure = nil
				w.killAll()
				w.Run(1300e9)
				check()
			}
			if ended == 0 {
				t.Errorf("%d processes were made, none was refused", made)
			}
		})
	}
}

// Images that somebody has changed at random are refused, or what comes of them runs as
// it can; the node does not fall.
func TestRestart_HostileImages(t *testing.T) {
	taken, refused := 0, 0
	for _, seed := range seeds(t, 6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 2, seed)
			r := rand.New(rand.NewPCG(seed, 2))
			p := w.Nodes[1].Start(copied["threads that wake each other"], nil, w.Nodes[1].Remote(w.Host.NewObject()))
			q := w.Nodes[1].Start(copied["a pipe of its own"], nil, w.Nodes[1].Remote(w.Host.NewObject()))
			w.Run(300e6)
			var images [][]byte
			for _, pid := range []int32{p.PID, q.PID} {
				_, s := w.Snapshot(pid)
				images = append(images, s.Image)
			}
			for i := range 30 {
				x := w.open(images[i%2])
				for range 1 + r.IntN(3) {
					switch r.IntN(4) {
					case 0:
						mutate(r, reflect.ValueOf(&x.objects))
					case 1:
						mutate(r, reflect.ValueOf(&x.segments))
					case 2:
						mutate(r, reflect.ValueOf(&x.lineage))
					default:
						mutate(r, reflect.ValueOf(&x.im))
					}
				}
				if got := w.exec(2, api.ExecRequest{Image: x.encode(), Stdio: stdio(w.Host.NewObject())}); got.PID != 0 {
					taken++
				} else {
					refused++
				}
				w.Run(20e6)
				w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
			}
			w.killAll()
			w.Run(1300e9)
			w.CheckEmpty()
		})
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d images were taken, %d refused", taken, refused)
	}
}

// Memory of this node is taken over as it is; if there is none left for its page tables, that is
// a refusal like any other.
func TestRestart_NoMemoryForTables(t *testing.T) {
	ended := 0
	for free := range uint64(12) {
		w := New(t, 2, free)
		check := w.leaks()
		p := w.big(1, 1200)
		snap, r := w.Snapshot(p.PID)
		var taken []hw.PFN
		for hw.UserFree() > free {
			taken = append(taken, hw.AllocUser(false))
		}
		got := w.exec(1, api.ExecRequest{Image: r.Image})
		for _, frame := range taken {
			hw.FreeFrame(frame)
		}
		if got.PID == 0 {
			ended++
		}
		if got.PID == 0 && !strings.Contains(got.Refused, "out of memory") {
			t.Errorf("with %d pages it is refused because %q", free, got.Refused)
		}
		w.Destroy(snap)
		w.killAll()
		w.Run(1300e9)
		check()
	}
	if ended == 0 {
		t.Error("no memory was enough")
	}
}
