package nodetest

import (
	"encoding/binary"
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
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// A neighbour that sends several processes as one, which do not go together.

// hostileSet is a set that is to come, and how.
type hostileSet struct {
	w       *World
	nr      uint64
	all     []*image.Process
	objects []image.Object
	rpc     []image.RPC
	pages   wire.PageBatch
}

// newHostileSet makes a parent, its child, that one's child between vfork and exec, and
// another child of the first. So far nothing is wrong with them.
func newHostileSet(w *World, pid int32, nr uint64) *hostileSet {
	x := &hostileSet{w: w, nr: nr}
	for i, parent := range []int32{1, 0, 1, 0} {
		y := newSpecimen(w, pid+10*int32(i))
		im := y.im
		if i == 0 {
			x.objects = y.objects
		} else {
			im.Parent = pid + 10*parent
			im.Files, im.Stores = nil, nil
		}
		if i == 2 {
			im.Regions, im.Space, im.Vfork = nil, 2, x.all[1].PID
		}
		x.all, x.rpc = append(x.all, im), append(x.rpc, y.rpc)
	}
	var page [vm.PageBytes]byte
	for _, i := range []int{0, 1, 3} {
		x.pages.Add(wire.PrivateWord(i, DataBase), &page)
	}
	x.pages.AddSame(wire.PrivateWord(3, DataBase+vm.PageBytes), wire.PrivateWord(1, DataBase))
	x.pages.Add(wire.StoreWord(0, 1), &page)
	return x
}

func (x *hostileSet) id() wire.MoveID { return wire.MoveID{Boot: 99, Nr: x.nr} }

func (x *hostileSet) records() (recs []image.Record) {
	add := func(typ image.Type, v any) {
		b, err := image.Marshal(v)
		if err != nil {
			x.w.T.Fatal(err)
		}
		if typ == image.TypeRPC {
			b = seal.Seal((*[32]byte)(&x.w.Key), [16]byte{byte(len(recs))}, x.id().Bound(), b)
		}
		recs = append(recs, image.Record{Type: typ, Required: true, Payload: b})
	}
	for i := range x.all {
		add(image.TypeProcess, x.all[i])
	}
	for i := range x.rpc {
		add(image.TypeRPC, x.rpc[i])
	}
	add(image.TypeObjects, x.objects)
	return recs
}

// send makes the whole move to node 2, of these records. It says why it was refused, ""
// if it was not.
func (x *hostileSet) send(recs []image.Record) string {
	h, id := x.w.Host, payload{1: uint64(99), 2: x.nr}
	cpu := []payload{{1: 1, 2: [4]uint32{}}, {1: 7, 2: [4]uint32{}}, {1: 0x80000001, 2: [4]uint32{}}}
	h.tell(2, api.MoveOffer, payload{1: id, 2: 3, 3: x.all[0].PID, 4: 1, 5: cpu, 6: 10, 8: []string{"/"}, 9: "x"})
	key := capability.OneWay("motile move", x.w.Key[:], binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 99), x.nr))
	hd := &std.Header{Command: api.MovePages}
	hd.SetCapability(x.w.Key.NodeCap(2))
	done := false
	h.Ask(x.w.Key.NodeAddress(2), hd, x.pages.Encode(make([]byte, wire.PagesMaxLen), x.id(), 0, 0, (*[16]byte)(&key)), func(rpc.Complete) { done = true })
	x.w.RunUntil(10e9, "pages taken", func() bool { return done })
	w := image.NewWriter()
	for _, r := range recs {
		w.Add(r)
	}
	_, a := h.tell(2, api.MovePrepare, payload{1: id, 2: w.Bytes(), 3: 1})
	if a[1] != "ready" {
		h.tell(2, api.MoveAbort, payload{1: id})
		return fmt.Sprint(a[2])
	}
	h.tell(2, api.MoveCommit, payload{1: id})
	return ""
}

func TestHostileSet_RefusedByName(t *testing.T) {
	const pid = 7_000_100
	var page [vm.PageBytes]byte
	for _, test := range []struct {
		name  string
		spoil func(x *hostileSet)
		want  string // "": it is taken
	}{
		{"nothing is wrong", func(x *hostileSet) {}, ""},
		{"two processes with one pid", func(x *hostileSet) { x.all[3].PID, x.all[3].Threads[0].TID = pid+10, pid+33 }, "image of process 7000110: there are two"},
		{"a thread of two", func(x *hostileSet) { x.all[3].Threads[1].TID = pid + 2 }, "image of process 7000130: id 7000102"},
		{"a ring of parents", func(x *hostileSet) { x.all[0].Parent = pid + 20 }, "ring of parents"},
		{"the memory of an absent one", func(x *hostileSet) { x.all[2].Space = 5 }, "image of process 7000120: it runs in the memory"},
		{"a descriptor of an absent file", func(x *hostileSet) { x.all[3].FDs[0].File = 9 }, "image of process 7000130: descriptor 0 for file 9"},
		{"files of its own", func(x *hostileSet) { x.all[3].Files = x.all[0].Files }, "image of process 7000130: 9 files"},
		{"an object watched by a set, of an absent file", func(x *hostileSet) { x.objects[2].Watches[0].File = 9 }, "image of process 7000100: object 2 watches file 9"},
		{"one endpoint twice", func(x *hostileSet) { x.rpc[3].PID = x.rpc[1].PID }, "image of process 7000130: the state of an endpoint makes no sense, or its address is in use here"},
		{"an endpoint that is none", func(x *hostileSet) { x.rpc[3].PID = []byte("x") }, "image of process 7000130: "},
		{"raw endpoints that are none", func(x *hostileSet) { x.rpc[3].Raw = []byte("x") }, "image of process 7000130: "},
		{"objects of one that is not the first", func(x *hostileSet) { x.rpc[1].Exports = []image.Export{{File: 0}} }, "image of process 7000110: it has objects"},
		{"an absent file for others", func(x *hostileSet) { x.rpc[0].Exports = []image.Export{{File: 9, State: x.rpc[3].PID}} }, "image of process 7000100: an exported file is not there"},
		{"an rpc record too few", func(x *hostileSet) { x.rpc = x.rpc[:3] }, "4 process records and 3 rpc records"},
		{"an rpc record too many", func(x *hostileSet) { x.rpc = append(x.rpc, x.rpc[0]) }, "4 process records and 5 rpc records"},
		{"a page of an absent process", func(x *hostileSet) { x.pages.Add(wire.PrivateWord(4, DataBase), &page) }, "a page of a process that is not there"},
		{"a page of many absent processes", func(x *hostileSet) { x.pages.Add(wire.PrivateWord(200, DataBase), &page) }, "a page of a process that is not there"},
		{"a page of one in another's memory", func(x *hostileSet) { x.pages.Add(wire.PrivateWord(2, DataBase), &page) }, "image of process 7000120: pages of a process that runs in another's memory"},
		{"a page of no region", func(x *hostileSet) { x.pages.Add(wire.PrivateWord(3, 0x70000000), &page) }, "image of process 7000130: a page lies in no region"},
		{"a page of an absent store", func(x *hostileSet) { x.pages.Add(wire.StoreWord(7, 0), &page) }, "a page of memory that is not there"},
		{"a page like one that never came", func(x *hostileSet) {
			x.pages.AddSame(wire.PrivateWord(3, DataBase+8*vm.PageBytes), wire.PrivateWord(1, DataBase+8*vm.PageBytes))
		}, "a page that is the same as one that has not come"},
		{"a page like an absent process's", func(x *hostileSet) {
			x.pages.AddSame(wire.PrivateWord(3, DataBase+8*vm.PageBytes), wire.PrivateWord(9, DataBase))
		}, "a page that is the same as one that has not come"},
		{"a page twice", func(x *hostileSet) { x.pages.Add(wire.PrivateWord(3, DataBase), &page) }, ""},
		{"a page like itself", func(x *hostileSet) {
			x.pages.AddSame(wire.PrivateWord(3, DataBase), wire.PrivateWord(3, DataBase))
		}, ""},
		{"a page of a store twice", func(x *hostileSet) { x.pages.Add(wire.StoreWord(0, 1), &page) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := New(t, 2, 1)
			w.Run(1e9)
			x := newHostileSet(w, pid, 1)
			w.Run(1e9)
			free := hw.UserFree()
			test.spoil(x)
			why := x.send(x.records())
			if (why == "") != (test.want == "") || !strings.Contains(why, test.want) {
				t.Errorf("refused because %q, want %q", why, test.want)
			}
			w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
			w.Run(60e9)
			w.CheckEmpty()
			if now := hw.UserFree(); now != free {
				t.Errorf("%d pages are free, there were %d", now, free)
			}
		})
	}
}

// A record that is damaged is refused by its name.
func TestHostileSet_DamagedRecord(t *testing.T) {
	w := New(t, 2, 1)
	for i, want := range []string{0: "process record 0", 3: "process record 3", 4: "rpc record 0", 7: "rpc record 3", 8: "objects record 0"} {
		if want == "" {
			continue
		}
		x := newHostileSet(w, int32(7_000_100+100*i), uint64(i))
		recs := x.records()
		recs[i].Payload = recs[i].Payload[:len(recs[i].Payload)-1]
		if why := x.send(recs); !strings.Contains(why, want) {
			t.Errorf("%q does not name the %s", why, want)
		}
	}
	w.Run(60e9)
	w.CheckEmpty()
}

// Whatever is changed in a set, the node lives, and nothing stays.
func TestHostileSet_Mutated(t *testing.T) {
	taken, refused := 0, 0
	for _, seed := range seeds(t, 20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 2, seed)
			free := hw.UserFree()
			r := rand.New(rand.NewPCG(seed, 3))
			for i := range 20 {
				pid := int32(7_000_100 + 100*i)
				x := newHostileSet(w, pid, uint64(i))
				for range r.IntN(3) {
					switch r.IntN(8) {
					case 0:
						mutate(r, reflect.ValueOf(&x.objects))
					case 1:
						n := r.IntN(len(x.all))
						x.rpc[n].Raw[r.IntN(len(x.rpc[n].Raw))] ^= 1 << r.IntN(8)
					case 2: // somebody twice, or not at all
						n := r.IntN(len(x.all))
						x.all[n] = x.all[r.IntN(len(x.all))]
					case 3:
						n := r.IntN(len(x.all))
						x.all[n].Space, x.all[n].Vfork = r.Int32N(5), pid+10*r.Int32N(4)
					default:
						mutate(r, reflect.ValueOf(x.all[r.IntN(len(x.all))]))
					}
				}
				if x.all[0].PID != pid || x.send(x.records()) != "" {
					refused++
					continue
				}
				taken++
				w.Run(20e6)
				w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
			}
			w.Run(120e9)
			if s, _ := w.Host.tell(2, api.Stats, payload{}); s != std.OK {
				t.Errorf("the node does not answer: %v", s)
			}
			w.CheckEmpty()
			if now := hw.UserFree(); now != free {
				t.Errorf("%d pages are free, there were %d", now, free)
			}
		})
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d sets were taken, %d refused", taken, refused)
	}
	t.Logf("%d sets were taken, %d refused", taken, refused)
}
