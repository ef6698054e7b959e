package nodetest

import (
	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// Bullet is what a move by flushing asks of Bullet's servers: files that are made, read and
// destroyed. One stands for those of all nodes.
type Bullet struct {
	h     *Host
	Files map[uint64][]byte
	last  uint64
	ep    *rpc.Endpoint
	Full  bool // it takes nothing
}

// Bullet starts one.
func (h *Host) Bullet(nodes int) *Bullet {
	b := &Bullet{h: h, Files: make(map[uint64][]byte)}
	ep := h.m.Open(h.w.Now, rpc.Options{Owner: b, Upcall: true})
	b.ep = ep
	for n := 1; n <= nodes; n++ {
		h.m.Listen(h.w.Now, ep, h.w.Key.ServicePort("bullet", n).Put())
	}
	h.perform()
	return b
}

func (b *Bullet) answer(r rpc.Incoming) {
	c := r.Header.Capability()
	hd, data := &std.Header{}, []byte(nil)
	file, ok := b.Files[c.Object]
	switch {
	case r.Header.Command == std.Info:
	case r.Header.Command == std.BulletCreate && b.Full:
		hd.SetStatus(std.NoSpace)
	case r.Header.Command == std.BulletCreate:
		b.last++
		b.Files[b.last] = append([]byte(nil), r.Data...)
		hd.SetCapability(capability.Owner(c.Port, b.last, capability.Secret{byte(b.last)}))
	case !ok:
		hd.SetStatus(std.CapBad)
	case r.Header.Command == std.BulletModify && r.Header.Offset == uint64(len(file)):
		b.Files[c.Object] = append(file, r.Data...)
		hd.SetCapability(c)
	case r.Header.Command == std.BulletRead && r.Header.Offset+uint64(r.Header.Size) <= uint64(len(file)):
		data = file[r.Header.Offset : r.Header.Offset+uint64(r.Header.Size)]
	case r.Header.Command == std.Destroy:
		delete(b.Files, c.Object)
	default:
		hd.SetStatus(std.ArgBad)
	}
	hd.Size = uint32(len(data))
	b.h.m.Reply(b.h.w.Now, r.Handle, hd, data)
}
