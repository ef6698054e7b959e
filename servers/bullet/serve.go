package bullet

import (
	"bytes"
	"fmt"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/ipc/std/service"
)

// Server answers requests with a Store. It may be used from any goroutine.
type Server struct {
	store *Store
	std   service.Service[*file] // under the store's mu; nil is the server itself
}

// NewServer returns a server.
func NewServer(s *Store) *Server {
	v := &Server{store: s}
	v.std = service.Service[*file]{
		Find: v.find, Needs: rightFor,
		Info: v.info, Status: v.status, Touch: touch, Age: s.age, Destroy: v.destroy, Params: v.params,
	}
	return v
}

// rightFor is what a command needs. CREATE is asked of the server and of files: it looks
// for itself.
func rightFor(command uint32) capability.Rights {
	switch command {
	case std.BulletCreate, std.Touch:
		return 0
	case std.BulletRead, std.BulletSize, std.Info, std.Stat, std.GetParams:
		return std.BulletRgtRead
	case std.BulletModify, std.BulletInsert, std.BulletDelete:
		return std.BulletRgtModify
	case std.BulletSync, std.BulletNDestroy:
		return std.BulletRgtCreate // each file that is destroyed is checked
	case std.Destroy:
		return std.BulletRgtDestroy
	}
	return std.BulletRgtAdmin
}

func (v *Server) find(number uint64) (*file, capability.Secret, bool) {
	s := v.store
	if number == 0 {
		return nil, s.cfg.Secret, true
	}
	if number >= uint64(len(s.files)) || s.files[number] == nil {
		return nil, capability.Secret{}, false
	}
	return s.files[number], s.files[number].secret, true
}

// Handle carries out a request. room is where an answer's data may be put.
func (v *Server) Handle(h *std.Header, data, room []byte) []byte {
	s := v.store
	q := *h
	s.mu.Lock()
	f, reply, done := v.std.Serve(h, data)
	s.mu.Unlock()
	if done {
		return reply
	}
	*h = std.Header{}
	switch q.Command {
	case std.BulletFsck, std.BulletCompact, std.BulletSync:
		if f != nil {
			h.SetStatus(std.ComBad)
			return nil
		}
		return v.whole(q.Command, h)
	case std.BulletCreate:
		v.create(f, &q, h, data)
		return nil
	case std.BulletNDestroy:
		if f != nil || len(data)%capability.EncodedLen != 0 {
			h.SetStatus(std.ArgBad)
			return nil
		}
		h.Extra = v.destroyAll(data)
		return nil
	case std.BulletTagged:
		if f != nil {
			h.SetStatus(std.ArgBad)
			return nil
		}
		return v.tagged(&q, h, room)
	}
	if f == nil {
		h.SetStatus(std.ComBad)
		return nil
	}
	switch c, st := (capability.Capability{}), std.OK; q.Command {
	case std.BulletRead:
		n, st := s.read(f, room[:min(uint64(q.Size), uint64(len(room)))], q.Offset)
		h.SetStatus(st)
		h.Size = uint32(n)
		return room[:n]
	case std.BulletSize:
		s.mu.Lock()
		h.Offset = f.size
		s.mu.Unlock()
		h.Size = uint32(min(h.Offset, 1<<32-1))
	case std.BulletModify:
		c, st = s.modify(f, q.Offset, data, q.Extra)
		grant(h, c, st)
	case std.BulletInsert:
		c, st = s.insert(f, q.Offset, data, q.Extra)
		grant(h, c, st)
	case std.BulletDelete:
		c, st = s.cutOut(f, q.Offset, uint64(q.Size), q.Extra)
		grant(h, c, st)
	default:
		h.SetStatus(std.ComBad)
	}
	return nil
}

// grant puts a capability into a reply, or why there is none.
func grant(h *std.Header, c capability.Capability, st std.Status) {
	h.SetStatus(st)
	if st == std.OK {
		h.SetCapability(c)
	}
}

// create makes a file. If it was asked of a file that has just that contents, it is the
// result.
func (v *Server) create(f *file, q, h *std.Header, data []byte) {
	need := std.BulletRgtCreate
	if f != nil {
		need = std.BulletRgtRead
	}
	if q.Rights&need == 0 {
		v.store.mu.Lock()
		v.std.Count(std.Denied)
		v.store.mu.Unlock()
		h.SetStatus(std.Denied)
		return
	}
	if f != nil && q.Extra&std.BulletCommit != 0 && v.store.is(f, data) {
		grant(h, q.Capability(), v.store.sync(q.Extra))
		return
	}
	c, st := v.store.CreateTagged(q.Offset, data, q.Extra)
	grant(h, c, st)
}

// tagged answers with the files that have a tag.
func (v *Server) tagged(q, h *std.Header, room []byte) []byte {
	list, next := v.store.Tagged(q.Offset, uint64(q.Size), len(room)/capability.EncodedLen)
	if next != 0 {
		h.Size, h.Extra = uint32(next), 1
	}
	reply := room[:0]
	for i := range list {
		reply = list[i].Append(reply)
	}
	return reply
}

// is reports whether a committed file has just some contents.
func (s *Store) is(f *file, data []byte) bool {
	s.mu.Lock()
	size, sum := f.size, f.sum
	s.mu.Unlock()
	if size != uint64(len(data)) || sum != checksum(0, data) {
		return false
	}
	has := make([]byte, len(data))
	n, st := s.read(f, has, 0)
	return st == std.OK && n == len(data) && bytes.Equal(has, data)
}

// sync does what flags want of a file that is committed already.
func (s *Store) sync(flags uint32) std.Status {
	if flags&std.BulletSafety == 0 {
		return std.OK
	}
	return s.Sync()
}

// whole carries out what is about the disk as a whole.
func (v *Server) whole(command uint32, h *std.Header) []byte {
	n, text, st := 0, "", std.OK
	switch command {
	case std.BulletFsck:
		n, text, st = v.store.Fsck()
	case std.BulletCompact:
		n, text, st = v.store.Compact()
	case std.BulletSync:
		st = v.store.Sync()
	}
	h.SetStatus(st)
	h.Extra, h.Size = uint32(n), uint32(len(text))
	return []byte(text)
}

func touch(f *file) {
	if f != nil {
		f.left = lifetime
	}
}

func (v *Server) destroy(f *file) std.Status {
	if f == nil {
		return std.Denied // the server goes when its process does
	}
	return v.store.destroy(f)
}

// destroyAll removes the files of a list of capabilities, and counts those that are not
// good for that.
func (v *Server) destroyAll(list []byte) (bad uint32) {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	for ; len(list) > 0; list = list[capability.EncodedLen:] {
		c, _ := capability.Decode(list)
		f, secret, ok := v.find(c.Object)
		if !ok || f == nil || v.std.Verify(c, c.Object, secret, std.BulletRgtDestroy) != std.OK || v.store.destroy(f) != std.OK {
			bad++
		}
	}
	return bad
}

func (v *Server) info(f *file) string {
	if f == nil {
		return fmt.Sprintf("bullet server, %d files", v.store.count)
	}
	kind := "bullet file"
	if f.open {
		kind = "bullet file, not committed"
	}
	return fmt.Sprintf("%s, %d bytes", kind, f.size)
}

func (v *Server) status(f *file) string {
	if f != nil {
		return fmt.Sprintf("bytes %d\ncommitted %v\nfirst block %d\nblocks %d\nchecksum %08x\n", f.size, !f.open, f.ext.start, f.ext.n, f.sum)
	}
	s := v.store
	open := 0
	for _, f := range s.files {
		if f != nil && f.open {
			open++
		}
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	const kb = 1024 / blockSize
	line("disk %x of %d KB", s.sb.id, s.sb.blocks/kb)
	line("files %d of %d, %d of them not committed", s.count, s.sb.inodes-1, open)
	line("free %d KB in %d pieces, the longest of %d KB", s.space.free/kb, len(s.space.runs), s.space.largest()/kb)
	line("cache %d KB of %d KB, %d of %d pieces found in it", s.cache.used/1024, s.cache.most/1024, s.stats.hits, s.stats.hits+s.stats.misses)
	line("created %d, committed %d, destroyed %d, expired %d, moved %d", s.stats.created, s.stats.committed, s.stats.destroyed, s.stats.expired, s.stats.moved)
	line("read %d times, %d bytes", s.stats.reads, s.stats.readBytes)
	line("syncs %d, shared by %d commits", s.stats.steps, s.stats.shared)
	line("no space %d times", s.stats.noSpace)
	line("refused %d capabilities that do not fit, %d that lack a right", v.std.Stats.CapBad, v.std.Stats.Denied)
	if s.broken != nil {
		line("the disk cannot be written: %v", s.broken)
	}
	return b.String()
}

// Bounds of the cache.
const minCache, maxCache = 0, 1 << 20 // KB

func (v *Server) params(f *file) []service.Param {
	if f != nil {
		return nil
	}
	c := &v.store.cache
	return []service.Param{{
		Name: "cache_kb", Type: fmt.Sprintf("integer: %d to %d", minCache, maxCache), Description: "memory for files",
		Get: func() string { return fmt.Sprint(c.most / 1024) },
		Parse: func(value string) (func(), bool) {
			var kb int
			_, err := fmt.Sscan(value, &kb)
			return func() { c.resize(kb * 1024) }, err == nil && kb >= minCache && kb <= maxCache
		},
	}}
}
