package nodetest

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// An image with a locked and mapped file of a server in it, of which something is another
// thing than it should be, in the middle of a munmap perhaps: the node refuses it, or lives
// with it.
func TestHostile_MappedFile(t *testing.T) {
	taken, refused := 0, 0
	for _, seed := range seeds(t, 8) {
		w := New(t, 2, seed)
		f := w.fileServer()
		synced = 0
		p := w.Nodes[1].Start(mapWriter)
		for fd := range int32(3) {
			p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
		}
		w.RunUntil(5e9, "mapped", func() bool { return synced > 0 })
		const hidden = 512
		s := p.FDs.Held(hidden).Impl.(*object.Served)
		r := rand.New(rand.NewPCG(seed, 5))
		for i := range 60 {
			x := newSpecimen(w, int32(7_000_100+10*i))
			x.im.Files[6].Path = "/" // /tmp is the server's
			im := image.File{Kind: image.KindServed, Flags: object.ORdwr, Path: "/tmp/map", Object: -1, Server: s.Cap.Append(nil), Root: s.Root,
				Mode: 0o100644, Lock: make([]byte, 16), Mapped: true, Sums: make([]byte, 8*r.IntN(20))}
			im.Lock[3] = 1
			for range r.IntN(3) {
				mutate(r, reflect.ValueOf(&im))
			}
			if r.IntN(4) == 0 {
				mutate(r, reflect.ValueOf(&x.im.Stores))
			}
			x.im.Files = append(x.im.Files, im)
			x.im.FDs = append(x.im.FDs, image.FD{FD: hidden, File: int32(len(x.im.Files) - 1), Opening: r.IntN(3) > 0})
			x.im.Locking = r.IntN(2) == 0
			if r.IntN(2) == 0 {
				nr := []uint32{abi.SysMunmap, abi.SysMsync, abi.SysFlock, abi.SysMmap, abi.SysClose}[r.IntN(5)]
				c := image.Call{Nr: nr, Phase: uint8(r.IntN(0x60)), Args: [6]uint64{0x40000000, 1 << 16, 3, 1, hidden, 0}}
				if nr == abi.SysFlock {
					c.Args = [6]uint64{hidden, 2}
				}
				for k := range c.Aux {
					c.Aux[k] = []uint64{0, 1, 8, 1 << 20, 1<<64 - 1}[r.IntN(5)]
				}
				x.im.Threads[0].Call = &c
			}
			if !x.send(t, w, uint64(i)) {
				refused++
				continue
			}
			taken++
			w.Run(20e6)
			w.Nodes[2].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
		}
		w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
		w.Run(40e9)
		if s, _ := w.Host.tell(2, api.Stats, payload{}); s != std.OK {
			t.Errorf("the node does not answer: %v", s)
		}
		if n := f.s.Locks(); n > 0 {
			t.Errorf("%d locks are left", n)
		}
		w.CheckEmpty()
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d images were taken, %d refused", taken, refused)
	}
	t.Logf("%d images were taken, %d refused", taken, refused)
}
