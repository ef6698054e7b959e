package bullet

import (
	"bytes"
	"errors"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/bullet/client"
)

// A file at two servers is read from the one that answers.
func TestClient_Sets(t *testing.T) {
	first, second := mount(t, newSimDisk(1<<12), 1), mount(t, newSimDisk(1<<12), 2)
	ports := map[capability.Port]client.Trans{}
	var servers []capability.Capability
	for i, b := range []*bed{first, second} {
		b.store.cfg.Port = capability.Port{byte(i + 1)}.Put()
		ports[b.store.cfg.Port] = Local(NewServer(b.store))
		servers = append(servers, capability.Owner(b.store.cfg.Port, 0, b.store.cfg.Secret))
	}
	c := client.New(func(h *std.Header, request, reply []byte) (int, error) {
		if trans := ports[h.Port]; trans != nil {
			return trans(h, request, reply)
		}
		return 0, std.RPCNotFound
	})
	data := bytes.Repeat([]byte("copies "), 100_000) // several pieces
	set, err := c.CreateAll(servers, data, client.Safe)
	if err != nil || len(set.Members) != 2 || set.Wanted != 2 {
		t.Fatalf("%+v, %v", set, err)
	}
	read := func() error {
		got, err := c.GetAny(set)
		if err == nil && !bytes.Equal(got, data) {
			t.Errorf("%d other bytes", len(got))
		}
		return err
	}
	for _, down := range servers {
		was := ports[down.Port]
		delete(ports, down.Port)
		if err := read(); err != nil {
			t.Error(err)
		}
		half, err := c.CreateAll(servers, data[:10], client.Safe)
		if err != nil || len(half.Members) != 1 || half.Wanted != 2 {
			t.Errorf("one server is down: %+v, %v", half, err)
		}
		if err := c.DestroyAll(set); !errors.Is(err, std.RPCNotFound) {
			t.Errorf("one server is down: %v", err)
		}
		ports[down.Port] = was
		if set, err = c.CreateAll(servers, data, client.Safe); err != nil {
			t.Fatal(err)
		}
	}
	clear(ports)
	if err := read(); err != std.RPCNotFound {
		t.Errorf("nobody answers: %v", err)
	}
	if _, err := c.CreateAll(servers, data, client.Safe); err != std.RPCNotFound {
		t.Errorf("nobody answers: %v", err)
	}
	p := make([]byte, client.Piece+10)
	if n, err := c.ReadAny(capability.Set{}, p, 0); n != 0 || err == nil {
		t.Errorf("%d bytes of no file, %v", n, err)
	}
}

// A read that ends behind the end of the file has what there is, wherever the pieces end.
func TestClient_Read(t *testing.T) {
	b := mount(t, newSimDisk(1<<13), 1)
	for _, size := range []int{0, 1, client.Piece - 1, client.Piece, client.Piece + 1, 3*client.Piece + 7} {
		data := bytes.Repeat([]byte{byte(size), 1, 2}, size/3+1)[:size]
		file, err := b.Create(b.server, data, client.Safe)
		b.must(err)
		for _, off := range []int{0, 1, size / 2, size} {
			if off > size {
				continue
			}
			for _, room := range []int{0, 1, size - off, size - off + 1, 5 * client.Piece} {
				p := make([]byte, room)
				n, err := b.Read(file, p, uint64(off))
				if want := data[off:min(off+room, size)]; err != nil || !bytes.Equal(p[:n], want) {
					t.Fatalf("%d bytes at %d of %d: %d, %v", room, off, size, n, err)
				}
			}
		}
		if _, err := b.Read(file, make([]byte, 3*client.Piece), uint64(size+1)); err != std.ArgBad {
			t.Errorf("behind the end of %d bytes: %v", size, err)
		}
		b.must(b.Destroy(file))
	}
}

// Several files are removed by one request, but none that somebody has no right to.
func TestClient_DestroyMany(t *testing.T) {
	b := mount(t, newSimDisk(1<<12), 1)
	c := client.New(Local(NewServer(b.store)))
	server := capability.Owner(b.store.cfg.Port, 0, b.store.cfg.Secret)
	var files []capability.Capability
	for i := range 5 {
		f, err := c.Create(server, []byte{byte(i)}, client.Safe)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	kept := files[4]
	files[4].Rights = std.BulletRgtRead
	if err := c.DestroyMany(server, files); !errors.Is(err, std.CapBad) {
		t.Error(err)
	}
	for _, f := range files[:4] {
		if _, err := c.Get(f); !errors.Is(err, std.CapBad) {
			t.Errorf("file %d: %v", f.Object, err)
		}
	}
	if got, err := c.Get(kept); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if err := c.DestroyMany(server, []capability.Capability{server}); !errors.Is(err, std.CapBad) {
		t.Errorf("the server itself: %v", err)
	}
	if err := c.DestroyMany(kept, nil); err != nil {
		t.Error(err)
	}
	if n, report, err := c.Fsck(server); n != 0 || err != nil {
		t.Errorf("%d wrong, %v\n%s", n, err, report)
	}
}
