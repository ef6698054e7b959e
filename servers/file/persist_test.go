package file

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
)

// slowStore is a storage that several goroutines use, and that may fail for a while.
type slowStore struct {
	mu    sync.Mutex
	sim   *simStore
	pause time.Duration
	fails error
}

func (s *slowStore) enter() (leave func(), err error) {
	s.mu.Lock()
	time.Sleep(s.pause)
	return s.mu.Unlock, s.fails
}

func (s *slowStore) Disks() []Disk { return s.sim.Disks() }

func (s *slowStore) Create(at []int, tag Tag, files [][]byte) ([]File, []error) {
	leave, err := s.enter()
	defer leave()
	if err != nil {
		errs := make([]error, len(at))
		for i := range errs {
			errs[i] = err
		}
		return make([]File, len(files)), errs
	}
	return s.sim.Create(at, tag, files)
}

func (s *slowStore) Get(disk int, c capability.Capability) ([]byte, error) {
	defer s.mu.Unlock()
	s.mu.Lock()
	return s.sim.Get(disk, c)
}

func (s *slowStore) Read(disk int, c capability.Capability, size int) ([]byte, error) {
	defer s.mu.Unlock()
	s.mu.Lock()
	return s.sim.Read(disk, c, size)
}

func (s *slowStore) Destroy(at []int, list []File) []error {
	defer s.mu.Unlock()
	s.mu.Lock()
	return s.sim.Destroy(at, list)
}

func (s *slowStore) Tagged(disk int, tag Tag) ([]capability.Capability, error) {
	defer s.mu.Unlock()
	s.mu.Lock()
	return s.sim.Tagged(disk, tag)
}

func (s *slowStore) Anchor() (File, error) {
	defer s.mu.Unlock()
	s.mu.Lock()
	return s.sim.Anchor()
}

func (s *slowStore) Install(old, new File) error {
	leave, err := s.enter()
	defer leave()
	if err != nil {
		return err
	}
	return s.sim.Install(old, new)
}

func (s *slowStore) Room(disk int) (int64, error) {
	defer s.mu.Unlock()
	s.mu.Lock()
	return s.sim.Room(disk)
}

func (s *slowStore) set(fails error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = fails
}

// bench is a running server without a network.
type bench struct {
	*Running
	t     *testing.T
	store *slowStore
	ended chan error
}

func newBench(t *testing.T, pause time.Duration) *bench { return newBenchOn(t, pause, newSimStore(1)) }

func newBenchOn(t *testing.T, pause time.Duration, sim *simStore) *bench {
	store := &slowStore{sim: sim, pause: pause}
	s, k, err := Open(store, simConfig(1))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{NewRunning(api.Key{}, s, func(string, ...any) {}), t, store, make(chan error, 1)}
	b.Keep(k, 0)
	go func() { b.ended <- b.persist() }()
	t.Cleanup(func() { // another takes the storage over, and so it ends
		store.set(nil)
		if _, _, err := Open(store, simConfig(2)); err != nil {
			t.Error(err)
		}
		if err := <-b.ended; !errors.Is(err, ErrTaken) {
			t.Errorf("it ends with %v", err)
		}
	})
	return b
}

func (b *bench) ask(c capability.Capability, h std.Header, data []byte) (std.Header, []byte) {
	h.SetCapability(c)
	reply := b.do(&h, data)
	return h, reply
}

func (b *bench) open(path string, flags uint32) capability.Capability {
	o := filesys.Opener{Node: 1, Boot: 1, Seq: 1}
	p := filesys.Place{Path: path}
	h, _ := b.ask(capability.Owner(testPort, 0, capability.Secret{1}), std.Header{Command: filesys.Open, Extra: flags, Size: 0o644}, p.Append(o.Append(nil)))
	if h.Status() != std.OK || h.Extra != 0 {
		b.t.Errorf("open %s: %v, %d", path, h.Status(), h.Extra)
	}
	return h.Capability()
}

func (b *bench) write(c capability.Capability, off int, data []byte) uint32 {
	h, _ := b.ask(c, std.Header{Command: filesys.Write, Offset: uint64(off), Extra: 1}, data)
	return h.Extra
}

// found are the contents of a file as a server has them that starts now.
func (b *bench) found(path string) []byte {
	b.store.mu.Lock()
	sim := b.store.sim.cut()
	b.store.sim.dead = false
	b.store.mu.Unlock()
	s, _, err := Open(sim, simConfig(3))
	if err != nil {
		b.t.Error(err)
		return nil
	}
	n := s.root.child(path)
	if n == nil {
		return nil
	}
	for _, x := range n.blocks {
		if x.data == nil {
			x.data, _ = sim.read(x.file, x.size)
		}
	}
	return n.content.read(nil, 0, int(n.size))
}

// What is on stable storage when fsync, and a write with O_SYNC, are answered: by many at a
// time. Who does not ask for it has it a little later.
func TestRunning_Safe(t *testing.T) {
	b := newBench(t, time.Millisecond)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			name := fmt.Sprint("f", i)
			flags := uint32(2 | oCreat)
			if i%2 == 0 {
				flags |= oDsync
			}
			c := b.open(name, flags)
			var want []byte
			for k := range 12 {
				data := bytes.Repeat([]byte{byte('a' + k)}, 1+k*1500)
				if e := b.write(c, len(want), data); e != 0 {
					t.Errorf("write: %d", e)
				}
				want = append(want, data...)
				if i%2 == 1 {
					if h, _ := b.ask(c, std.Header{Command: filesys.Sync}, nil); h.Extra != 0 {
						t.Errorf("fsync: %d", h.Extra)
					}
				}
				if k%4 == 0 && !bytes.Equal(b.found(name), want) {
					t.Errorf("%s: %d bytes were acknowledged, %d are there", name, len(want), len(b.found(name)))
				}
			}
		})
	}
	all.Wait()
	b.write(b.open("late", 2|oCreat), 0, []byte("late"))
	for end := time.Now().Add(20 * time.Second); string(b.found("late")) != "late"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is never kept")
		}
	}
}

// Writers are faster than storage: they wait, and memory does not grow. What is not in
// memory is read again.
func TestRunning_BackPressure(t *testing.T) {
	b := newBench(t, 20*time.Millisecond)
	c := b.open("f", 2|oCreat)
	piece := make([]byte, filesys.MaxData)
	const size = 24 << 20
	for off := 0; off < size; off += len(piece) {
		piece[0] = byte(off / len(piece))
		if e := b.write(c, off, piece); e != 0 {
			t.Fatalf("write: %d", e)
		}
		b.mu.Lock()
		if l := b.s.book; l.unsafe > maxUnsafe+blockSize || l.resident > 2*maxUnsafe+minCache+8*blockSize {
			t.Fatalf("%d bytes are not safe, %d in memory", l.unsafe, l.resident)
		}
		b.mu.Unlock()
	}
	for off := 0; off < size; off += 7 * len(piece) {
		h, reply := b.ask(c, std.Header{Command: filesys.Read, Offset: uint64(off), Size: 1, Extra: 1}, nil)
		_, data, _ := filesys.DecodeWritten(reply)
		if h.Extra != 0 || len(data) != 1 || data[0] != byte(off/len(piece)) {
			t.Fatalf("at %d: %d, %v", off, h.Extra, data)
		}
	}
}

// Storage that fails: who wants to be safe is told, reads go on, and nothing is lost when
// it works again.
func TestRunning_StorageFails(t *testing.T) {
	b := newBench(t, 0)
	c := b.open("f", 2|oCreat)
	for _, f := range []struct {
		err  error
		want uint32
	}{{std.NoSpace, abi.ENOSPC}, {std.RPCFailure, abi.EIO}} {
		b.store.set(f.err)
		b.write(c, 0, []byte("text"))
		if h, _ := b.ask(c, std.Header{Command: filesys.Sync}, nil); h.Extra != f.want {
			t.Errorf("fsync with %v: %d", f.err, h.Extra)
		}
		piece, e := make([]byte, filesys.MaxData), uint32(0)
		for off := 0; e == 0 && off < 4*maxUnsafe; off += len(piece) {
			e = b.write(c, blockSize+off, piece)
		}
		if e != f.want {
			t.Errorf("writes with %v: %d", f.err, e)
		}
		if _, reply := b.ask(c, std.Header{Command: filesys.Read, Size: 4, Extra: 1}, nil); !bytes.HasSuffix(reply, []byte("text")) {
			t.Errorf("read with %v: %q", f.err, reply)
		}
		b.store.set(nil)
		for end := time.Now().Add(20 * time.Second); ; {
			if h, _ := b.ask(c, std.Header{Command: filesys.Sync}, nil); h.Extra == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatal("it never works again")
			}
		}
		if got := b.found("f"); !bytes.HasPrefix(got, []byte("text")) {
			t.Errorf("%d bytes are there", len(got))
		}
	}
}

// A full disk: writes say so before it is, what was accepted can be kept, and what is
// removed makes room.
func TestRunning_Full(t *testing.T) {
	b := newBench(t, 0)
	b.store.mu.Lock()
	b.store.sim.room = reserve + 12<<20
	b.store.mu.Unlock()
	b.findRoom()
	root := capability.Owner(testPort, 0, capability.Secret{1})
	piece := make([]byte, filesys.MaxData)
	for round := range 3 {
		c := b.open("f", 2|oCreat)
		size, e := 0, uint32(0)
		for ; e == 0; size += len(piece) {
			e = b.write(c, size, piece)
		}
		if e != abi.ENOSPC || size < 10<<20 || size > 13<<20 {
			t.Fatalf("round %d: %d after %d bytes", round, e, size)
		}
		if h, _ := b.ask(c, std.Header{Command: filesys.Sync}, nil); h.Extra != 0 {
			t.Fatalf("fsync: %d", h.Extra)
		}
		b.findRoom()
		if free, _ := b.store.Room(0); free < reserve-1<<20 {
			t.Fatalf("%d bytes are free", free)
		}
		o := filesys.Opener{Node: 1, Boot: 1}
		h := filesys.Held{Object: c.Object, Check: c.Check, Rights: uint32(c.Rights), Upto: 1}
		b.ask(c, std.Header{Command: filesys.Release}, h.Append(o.Append(nil)))
		if h, _ := b.ask(root, std.Header{Command: filesys.Unlink}, (&filesys.Place{Path: "f"}).Append(nil)); h.Extra != 0 {
			t.Fatalf("unlink: %d", h.Extra)
		}
	}
}

// One of two disks is lost while programs write and sync: none of them is told. It comes
// back, and is given what it lacks while they go on; then the other one is lost.
func TestRunning_DiskLost(t *testing.T) {
	b := newBenchOn(t, time.Millisecond, newSimDisks(1, 2))
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 3 {
		c := b.open(fmt.Sprint("f", i), 2|oCreat)
		all.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stop:
					return
				default:
				}
				data := bytes.Repeat([]byte{byte('a' + k%26)}, 20000)
				if e := b.write(c, k%20*len(data), data); e != 0 {
					t.Errorf("write: %d", e)
				}
				if h, _ := b.ask(c, std.Header{Command: filesys.Sync}, nil); h.Extra != 0 {
					t.Errorf("fsync: %d", h.Extra)
				}
			}
		})
	}
	lost := func(disk int, is bool) {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		if b.store.sim.lost[disk] = false; is {
			b.store.sim.lose(disk)
		}
	}
	status := func(want string) {
		t.Helper()
		root := capability.Owner(testPort, 0, capability.Secret{1})
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			_, text := b.ask(root, std.Header{Command: std.Stat}, nil)
			if strings.Contains(string(text), want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("waiting for %q, the status is\n%s", want, text)
			}
		}
	}
	const both = "copy on disk 1: current\ncopy on disk 2: current\n"
	status(both)
	for disk := range 2 {
		lost(disk, true)
		status(fmt.Sprintf("copy on disk %d: out of date, since it could not be used: RPC_NOTFOUND", disk+1))
		b.probeNow()
		lost(disk, false)
		b.probeNow()
		status(both)
	}
	close(stop)
	all.Wait()
	c := b.open("last", 2|oCreat|oDsync)
	lost(0, true)
	if e := b.write(c, 0, []byte("text")); e != 0 {
		t.Errorf("write: %d", e)
	}
	if got := b.found("last"); string(got) != "text" {
		t.Errorf("%q is there", got)
	}
	lost(0, false)
}
