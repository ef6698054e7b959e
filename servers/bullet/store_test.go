package bullet

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/bullet/client"
)

var testPort = capability.Port{1: 9}.Put()

func testConfig(seed uint64) Config {
	return Config{Port: testPort, Secret: capability.Secret{7}, Random: rand.New(rand.NewPCG(seed, 2)).Uint64, CacheBytes: 1 << 20}
}

// bed is a mounted disk with a client.
type bed struct {
	*client.Client
	t      testing.TB
	disk   *simDisk
	store  *Store
	server capability.Capability
}

func mount(t testing.TB, disk *simDisk, seed uint64) *bed {
	t.Helper()
	cfg := testConfig(seed)
	s, err := Mount(disk, cfg, Keep)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, disk: disk, store: s, server: capability.Owner(testPort, 0, cfg.Secret)}
	b.Client = client.New(Local(NewServer(s)))
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// clean wants a disk without faults.
func (b *bed) clean() {
	b.t.Helper()
	if wrong, text, err := b.Fsck(b.server); err != nil || wrong != 0 {
		b.t.Fatalf("fsck: %d things wrong, %v\n%s", wrong, err, text)
	}
}

// has wants a file to have some contents.
func (b *bed) has(file capability.Capability, want []byte) {
	b.t.Helper()
	got, err := b.Get(file)
	if err != nil || !bytes.Equal(got, want) {
		b.t.Fatalf("file %d has %d bytes, %v; want %d", file.Object, len(got), err, len(want))
	}
}

func text(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

func TestStore_Files(t *testing.T) {
	b := mount(t, newSimDisk(1<<13), 1)
	rng := rand.New(rand.NewPCG(1, 1))
	sizes := []int{0, 1, 511, 512, 513, 5000, chunkSize, chunkSize + 1, 300_000, 1_000_000}
	files := map[int]capability.Capability{}
	want := map[int][]byte{}
	for _, n := range sizes {
		want[n] = text(rng, n)
		var err error
		files[n], err = b.Create(b.server, want[n], client.Safe)
		b.must(err)
		b.has(files[n], want[n])
	}
	b.clean()
	b.must(b.Sync(b.server))
	b = mount(t, b.disk.cut(rng), 2) // the capabilities are good after a restart
	for _, n := range sizes {
		b.has(files[n], want[n])
		size, err := b.Size(files[n])
		if err != nil || size != uint64(n) {
			t.Errorf("%d bytes, %v; want %d", size, err, n)
		}
	}
	p := make([]byte, 1000)
	if n, err := b.Read(files[300_000], p, 299_500); err != nil || n != 500 || !bytes.Equal(p[:n], want[300_000][299_500:]) {
		t.Errorf("the end: %d bytes, %v", n, err)
	}
	if _, err := b.Read(files[513], p, 514); err != std.ArgBad {
		t.Errorf("behind the end: %v", err)
	}
	if again, err := b.Create(files[5000], want[5000], client.Safe); err != nil || again != files[5000] {
		t.Errorf("a file with the contents of another: %v, %v", again, err)
	}
	if other, err := b.Create(files[5000], want[513], client.Safe); err != nil || other == files[5000] || other == files[513] {
		t.Errorf("a file like one but with other contents: %v, %v", other, err)
	}
	free := b.store.space.free
	for _, n := range sizes {
		b.must(b.Destroy(files[n]))
		if _, err := b.Get(files[n]); err != std.CapBad {
			t.Errorf("a file that is gone: %v", err)
		}
	}
	b.must(b.Sync(b.server))
	if more := b.store.space.free - free; more < 2_500 {
		t.Errorf("%d blocks more are free", more)
	}
	b.clean()
}

// Files that are changed bit by bit are what an array in memory is, committed or not.
func TestStore_Changes(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 3))
		b := mount(t, newSimDisk(1<<13), seed)
		want := text(rng, rng.IntN(3000))
		how := []uint32{client.Open, client.Committed, client.Safe}
		file, err := b.Create(b.server, want, client.Open)
		b.must(err)
		if _, err := b.Read(file, make([]byte, 1), 0); err != std.NotNow {
			t.Fatalf("reading a file that is not committed: %v", err)
		}
		open := true
		for range 40 {
			off := rng.IntN(len(want) + 1)
			data := text(rng, rng.IntN(1<<rng.IntN(18)))
			flags := how[min(rng.IntN(8), 7)%3*(rng.IntN(4)/3)]
			old, before, was := file, want, open
			switch rng.IntN(4) {
			case 0, 1:
				if rng.IntN(2) == 0 {
					off = len(want)
				}
				want = append(append(bytes.Clone(want[:off]), data...), want[min(off+len(data), len(want)):]...)
				file, err = b.Modify(file, uint64(off), data, flags)
			case 2:
				want = append(append(bytes.Clone(want[:off]), data...), want[off:]...)
				file, err = b.Insert(file, uint64(off), data, flags)
			case 3:
				n := rng.IntN(len(want) + 10)
				want = append(bytes.Clone(want[:off]), want[min(off+n, len(want)):]...)
				file, err = b.Delete(file, uint64(off), uint32(n), flags)
			}
			b.must(err)
			open = flags == client.Open
			if was != (file == old) {
				t.Fatal("a committed file was changed, or one that was not became another")
			}
			if !was {
				b.has(old, before)
				b.must(b.Destroy(old))
			}
			if !open {
				b.has(file, want)
			}
			if size, err := b.Size(file); err != nil || size != uint64(len(want)) {
				t.Fatalf("%d bytes, %v; want %d", size, err, len(want))
			}
		}
		if _, err := b.Modify(file, uint64(len(want)+1), []byte("x"), 0); err != std.ArgBad {
			t.Fatalf("a hole: %v", err)
		}
		if open {
			file, err = b.Commit(file, uint64(len(want)), client.Safe)
			b.must(err)
		}
		b.must(b.Sync(b.server))
		b.clean()
		b = mount(t, b.disk.cut(rng), seed)
		b.has(file, want)
		if b.store.count != 1 {
			t.Fatalf("%d files are left", b.store.count)
		}
		used := b.store.sb.blocks - 1 - b.store.sb.data - b.store.space.free
		if used != blocksOf(uint64(len(want))) {
			t.Fatalf("%d blocks are in use, by a file of %d bytes", used, len(want))
		}
	}
}

func TestStore_FullDisk(t *testing.T) {
	b := mount(t, newSimDisk(1<<10), 1)
	rng := rand.New(rand.NewPCG(1, 1))
	var files []capability.Capability
	data := text(rng, 20_000)
	for {
		c, err := b.Create(b.server, data, client.Safe)
		if err == std.NoSpace {
			break
		}
		b.must(err)
		files = append(files, c)
	}
	if len(files) < 15 {
		t.Fatalf("full with %d files", len(files))
	}
	if _, err := b.Modify(files[0], 0, data, client.Safe); err != std.NoSpace {
		t.Errorf("a change: %v", err)
	}
	for _, f := range files {
		b.has(f, data)
	}
	// What is destroyed makes room at once, though its end is not on the disk yet.
	for range 30 {
		b.must(b.Destroy(files[0]))
		c, err := b.Create(b.server, data, client.Committed)
		b.must(err)
		files = append(files[1:], c)
	}
	b.clean()
	// What is free in pieces is brought together for who needs it.
	b = mount(t, newSimDisk(1<<10), 1)
	files = nil
	for {
		c, err := b.Create(b.server, data[:5000], client.Committed)
		if err == std.NoSpace {
			break
		}
		b.must(err)
		files = append(files, c)
	}
	for i := 0; i < len(files); i += 2 {
		b.must(b.Destroy(files[i]))
	}
	big := text(rng, len(files)/2*5000-20_000)
	c, err := b.Create(b.server, big, client.Safe)
	b.must(err)
	b.has(c, big)
	for i := 1; i < len(files); i += 2 {
		b.has(files[i], data[:5000])
	}
	b.clean()
	// Inodes run out too.
	b = mount(t, newSimDisk(1<<10), 1)
	n := 0
	for ; ; n++ {
		if _, err := b.Create(b.server, nil, client.Committed); err != nil {
			if err != std.NoSpace {
				t.Error(err)
			}
			break
		}
	}
	if want := int(b.store.sb.inodes) - 1; n != want {
		t.Errorf("%d files, want %d", n, want)
	}
	b.clean()
}

func TestStore_Age(t *testing.T) {
	b := mount(t, newSimDisk(1<<10), 1)
	left, err := b.Create(b.server, []byte("left"), client.Open)
	b.must(err)
	kept, err := b.Create(b.server, []byte("kept"), client.Open)
	b.must(err)
	done, err := b.Create(b.server, []byte("done"), client.Committed)
	b.must(err)
	for range 2 * lifetime {
		b.store.Age()
		b.must(b.Touch(kept))
	}
	if _, err := b.Size(left); err != std.CapBad {
		t.Errorf("nobody has touched it: %v", err)
	}
	_, err = b.Commit(kept, 4, client.Safe)
	b.must(err)
	b.has(kept, []byte("kept"))
	b.has(done, []byte("done"))
	b.clean()
}

func TestServer_Rights(t *testing.T) {
	b := mount(t, newSimDisk(1<<10), 1)
	file, err := b.Create(b.server, []byte("text"), client.Safe)
	b.must(err)
	only := func(c capability.Capability, r capability.Rights) capability.Capability {
		weak, _ := capability.Restrict(c, r)
		return weak
	}
	reader := only(file, std.BulletRgtRead)
	b.has(reader, []byte("text"))
	forged := reader
	forged.Rights = capability.AllRights
	nobody := only(b.server, std.BulletRgtRead)
	for i, c := range []struct{ got, want error }{
		{b.Destroy(reader), std.Denied},
		{b.Destroy(forged), std.CapBad},
		{second(b.Modify(reader, 0, []byte("x"), 0)), std.Denied},
		{second(b.Create(nobody, []byte("x"), 0)), std.Denied},
		{second(b.Create(only(file, std.BulletRgtModify), []byte("x"), 0)), std.Denied},
		{second(b.Get(only(file, std.BulletRgtDestroy))), std.Denied},
		{b.Sync(nobody), std.Denied},
		{b.Sync(file), std.ComBad},
		{second(b.Get(b.server)), std.ComBad},
		{b.Destroy(b.server), std.Denied},
		{third(b.Fsck(nobody)), std.Denied},
		{third(b.Compact(nobody)), std.Denied},
		{b.Destroy(capability.Capability{Port: testPort, Object: 1 << 40}), std.CapBad},
	} {
		if c.got != c.want {
			t.Errorf("case %d: %v, want %v", i, c.got, c.want)
		}
	}
	status, err := b.Status(b.server)
	if err != nil || !strings.Contains(status, "2 capabilities that do not fit, 8 that lack a right") {
		t.Errorf("%v\n%s", err, status)
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// A device that fails: what is on it can be read, and nothing is written any more.
func TestStore_DiskFails(t *testing.T) {
	b := mount(t, newSimDisk(1<<10), 1)
	file, err := b.Create(b.server, []byte("text"), client.Safe)
	b.must(err)
	b.disk.failing = true
	if _, err := b.Create(b.server, []byte("more"), client.Safe); err != std.SysErr {
		t.Errorf("create: %v", err)
	}
	b.disk.failing = false
	if _, err := b.Create(b.server, []byte("more"), client.Safe); err != std.SysErr {
		t.Errorf("create after that: %v", err)
	}
	if err := b.Destroy(file); err != std.SysErr {
		t.Errorf("destroy: %v", err)
	}
	if b.store.Broken() == nil {
		t.Error("it does not say so")
	}
	b.has(file, []byte("text"))
	b = mount(t, b.disk, 2)
	b.has(file, []byte("text"))
	b.clean()
}
