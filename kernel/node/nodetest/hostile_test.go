package nodetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"

	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// A neighbour that has the cluster's key and sends nonsense: images whose numbers are
// out of range, records of calls no thread ever made. The node refuses them, or runs
// what they describe; it does not fall.

// seeds is how many random worlds a test looks at: few, or as many as MOTILE_SEEDS
// says. MOTILE_SEED names one, to look at a failure again.
func seeds(t *testing.T, few int) []uint64 {
	if s, err := strconv.ParseUint(os.Getenv("MOTILE_SEED"), 10, 64); err == nil {
		return []uint64{s}
	}
	if n, err := strconv.Atoi(os.Getenv("MOTILE_SEEDS")); err == nil {
		few = n
	}
	list := make([]uint64, few)
	for i := range list {
		list[i] = uint64(i) + 1
	}
	return list
}

// payload is CBOR with numbered fields, as the kernels send each other.
type payload map[int]any

// tell sends a node a message of a move and returns the status of the answer.
func (h *Host) tell(node int, command uint32, v any) (status std.Status, answer payload) {
	h.w.T.Helper()
	data, err := image.Marshal(v)
	if err != nil {
		h.w.T.Fatal(err)
	}
	hd := &std.Header{Command: command}
	hd.SetCapability(h.w.Key.NodeCap(node))
	done := false
	h.Ask(h.w.Key.NodeAddress(node), hd, data, func(e rpc.Complete) {
		done = true
		if status = e.Status; status == std.OK {
			status = e.Header.Status()
			_ = image.Unmarshal(e.Data, &answer)
		}
	})
	h.w.until(h.w.Now+30e9, func() bool { return done })
	return status, answer
}

// specimen is a process with something of everything, and its image.
type specimen struct {
	im      *image.Process
	objects []image.Object
	rpc     image.RPC
}

func newSpecimen(w *World, pid int32) *specimen {
	nd := w.Nodes[1]
	p := nd.Start(counter)
	nd.Tab.Freeze(p)
	im, _ := nd.Tab.Capture(p)
	nd.Tab.Thaw(p)
	nd.Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	im.PID, im.PGID, im.SID, im.Parent = pid, pid, pid, pid+1
	im.Threads[0].TID, im.Threads[0].Regs[15] = pid, 1<<40
	second := im.Threads[0]
	second.TID, second.Index = pid+2, 1
	im.NextIndex = 2
	call := &image.Call{Nr: abi.SysNanosleep, Phase: 1, Remaining: 1e9}
	im.Threads[0].Call = call
	second.Below = image.Suspendeds{{Call: image.Call{Nr: abi.SysRead, Slot: 1}, Frame: DataBase}}
	im.Threads = append(im.Threads, second)
	im.Timers[0] = image.ITimer{Left: 1e6, Period: 5e6}
	im.Children = []image.Child{{PID: pid + 5, PGID: pid}}
	im.Pending = []image.Signal{{Signo: abi.SIGCHLD}}
	im.Stores = []image.Store{{Size: 1 << 16}}
	im.Regions = append(im.Regions, image.Region{Start: 0x40000000, End: 0x40010000, Prot: 3, Shared: true, Store: 0})
	im.Files = []image.File{
		{Kind: image.KindPipeR, Object: 0}, {Kind: image.KindPipeW, Flags: object.OWronly, Object: 0},
		{Kind: image.KindEventfd, Flags: object.ORdwr, Object: 1}, {Kind: image.KindEpoll, Flags: object.ORdwr, Object: 2},
		{Kind: image.KindLog, Flags: object.OWronly, Object: 3}, {Kind: image.KindText, Object: 4},
		{Kind: image.KindDir, Path: "/tmp"}, {Kind: image.KindDevice, Path: "/dev/zero"}, {Kind: image.KindEpoll, Flags: object.ORdwr, Object: 5},
	}
	for i := range im.Files {
		im.FDs = append(im.FDs, image.FD{FD: int32(i), File: int32(i)})
	}
	x := &specimen{im: im, objects: []image.Object{
		{Pipe: []byte("pipe"), Readers: 1, Writers: 1}, {Count: 3},
		{Watches: []image.Watch{{FD: 0, File: 0, Events: 1, Listed: true}, {FD: 2, File: 2, Events: 1}}},
		{Log: []byte("log"), LogBase: 10}, {Text: []byte("text")},
		{Watches: []image.Watch{{FD: 3, File: 3, Events: 1}}},
	}}
	ep := w.Host.m.Open(w.Now, rpc.Options{Public: w.Key.ProcessAddress(pid), Upcall: true})
	w.Host.m.Freeze(w.Now, ep)
	st, _ := w.Host.m.Export(ep)
	x.rpc.PID = st.Append(nil)
	w.Host.m.Remove(w.Now, ep)
	w.Host.perform()
	x.rpc.Raw = rawState(w, byte(pid), byte(pid>>8))
	return x
}

// rawState is that of a process with endpoints of all sorts, a message in its queue, and
// one that has not left.
func rawState(w *World, name ...byte) []byte {
	m := raw.New(w.Host.m.Box(), w.rng.Uint64)
	p := m.Open(nil)
	m.Init(p)
	for _, flags := range []uint32{0, raw.AsGroup} {
		m.Register(w.Now, p, 0, flip.Address{0xf1, byte(flags), name[0], name[1]}, flags)
	}
	m.Register(w.Now, p, 0, flip.Address{}, 0)
	m.Broadcast(w.Now, p, 0, &raw.Packet{Endpoint: 1}, []byte("all"), nil, 1)
	m.Unicast(w.Now, p, 0, &raw.Packet{Address: flip.Address{9}, Endpoint: 1}, []byte("later"), nil, 0)
	m.Freeze(w.Now, p)
	b, _ := m.Export(p)
	m.Remove(w.Now, p)
	w.Host.m.Drain(w.Now)
	w.Host.perform()
	return b
}

func (x *specimen) encode(t testing.TB, w *World, bound []byte) []byte {
	iw := image.NewWriter()
	for _, r := range []struct {
		t image.Type
		v any
	}{{image.TypeProcess, x.im}, {image.TypeObjects, x.objects}, {image.TypeRPC, x.rpc}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			t.Fatal(err)
		}
		if r.t == image.TypeRPC {
			b = seal.Seal((*[32]byte)(&w.Key), [16]byte{}, bound, b)
		}
		iw.Add(image.Record{Type: r.t, Required: true, Payload: b})
	}
	return iw.Bytes()
}

// send makes the whole move. It reports whether the target took the process.
func (x *specimen) send(t testing.TB, w *World, nr uint64) bool {
	return x.sendImage(w, nr, x.encode(t, w, wire.MoveID{Boot: 99, Nr: nr}.Bound()))
}

// sendImage makes a move with an image, which may be that of another.
func (x *specimen) sendImage(w *World, nr uint64, encoded []byte) bool {
	id := payload{1: uint64(99), 2: nr}
	cpu := []payload{{1: 1, 2: [4]uint32{}}, {1: 7, 2: [4]uint32{}}, {1: 0x80000001, 2: [4]uint32{}}}
	w.Host.tell(2, api.MoveOffer, payload{1: id, 2: 3, 3: x.im.PID, 4: 1, 5: cpu, 6: 10, 8: []string{"/"}, 9: "x"})
	_, a := w.Host.tell(2, api.MovePrepare, payload{1: id, 2: encoded, 3: 0})
	if a[1] != "ready" {
		w.Host.tell(2, api.MoveAbort, payload{1: id})
		return false
	}
	w.Host.tell(2, api.MoveCommit, payload{1: id})
	return true
}

// The private addresses in an image are sealed for its move: a recorded one does not
// open in another.
func TestHostile_ReplayedImage(t *testing.T) {
	w := New(t, 2, 1)
	x := newSpecimen(w, 7_000_100)
	recorded := x.encode(t, w, wire.MoveID{Boot: 99, Nr: 1}.Bound())
	if x.sendImage(w, 2, recorded) {
		t.Error("the image of another move was taken")
	}
	if !x.sendImage(w, 1, recorded) {
		t.Error("the image was not taken in its own move")
	}
	w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
	w.Run(20e9)
	w.CheckEmpty()
}

// mutate changes something in a value.
func mutate(r *rand.Rand, v reflect.Value) {
	odd := []int64{0, 1, -1, 2, 7, 63, 64, 65, 1 << 12, 1 << 20, 1<<31 - 1, -1 << 31, 1 << 31, 1<<32 - 1, 1 << 40, 1<<62 + 1, 1<<63 - 1, -1 << 63}
	n := odd[r.IntN(len(odd))]
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		mutate(r, v.Elem())
	case reflect.Struct:
		mutate(r, v.Field(r.IntN(v.NumField())))
	case reflect.Array:
		mutate(r, v.Index(r.IntN(v.Len())))
	case reflect.Slice:
		switch k := r.IntN(10); {
		case k == 0 && v.Len() > 0:
			v.Set(v.Slice(0, v.Len()-1))
		case k == 1:
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		case k == 2 && v.Len() > 0:
			v.Set(reflect.Append(v, v.Index(0)))
		case v.Len() > 0:
			mutate(r, v.Index(r.IntN(v.Len())))
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(n)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		if v.Type() == reflect.TypeFor[uint32]() && r.IntN(2) == 0 {
			n = r.Int64N(abi.MaxSys) // perhaps the number of a call
		}
		v.SetUint(uint64(n))
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString([]string{"", "/", "/dev/null", "x", "/no/such"}[r.IntN(5)])
	}
}

func TestHostile_Images(t *testing.T) {
	taken, refused := 0, 0
	for _, seed := range seeds(t, 20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 2, seed)
			r := rand.New(rand.NewPCG(seed, 2))
			for i := range 40 {
				pid := int32(7_000_100 + 10*i)
				x := newSpecimen(w, pid)
				for range r.IntN(4) {
					switch r.IntN(5) {
					case 4:
						x.rpc.Raw[r.IntN(len(x.rpc.Raw))] ^= 1 << r.IntN(8)
					case 0:
						mutate(r, reflect.ValueOf(&x.objects))
					case 1: // a call that is any call, at any stage
						c := image.Call{Nr: r.Uint32N(abi.MaxSys), Phase: uint8(r.IntN(4)), Remaining: r.Int64N(1e9)}
						switch r.IntN(6) {
						case 0:
							c.Nr = abi.SysTrans + r.Uint32N(4)
						case 1:
							c.Nr = abi.SysFlipInit + r.Uint32N(8)
						}
						for k := range c.Args {
							c.Args[k] = []uint64{0, 1, 2, 3, 4, 5, 8, DataBase, DataBase + 4096, 1 << 20, 1<<64 - 1}[r.IntN(11)]
						}
						for k := range c.Aux {
							c.Aux[k] = []uint64{0, 1, DataBase, 1<<64 - 1}[r.IntN(4)]
						}
						if c.Nr != abi.SysReboot {
							x.im.Threads[r.IntN(len(x.im.Threads))].Call = &c
						}
					default:
						mutate(r, reflect.ValueOf(x.im))
					}
				}
				if x.im.PID != pid || !x.send(t, w, uint64(i)) {
					refused++
					continue
				}
				taken++
				w.Run(20e6)
				w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL}) // children, too
			}
			w.Run(20e9)
			if s, _ := w.Host.tell(2, api.Stats, payload{}); s != std.OK {
				t.Errorf("the node does not answer: %v", s)
			}
			w.CheckEmpty()
		})
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d images were taken, %d refused", taken, refused)
	}
	t.Logf("%d images were taken, %d refused", taken, refused)
}
