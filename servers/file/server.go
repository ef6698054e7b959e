package file

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/ipc/std/service"
)

// Config is what a server is made of.
type Config struct {
	Port     capability.Port   // put-port
	Secret   capability.Secret // of object 0, the root
	Random   func() uint64
	Capacity int64 // bytes
	Now      int64
	Inodes   int  // how many there may be; 0: as many as there is room for
	Wait     bool // a disk that does not answer is not done without: it is an error
}

// Server is the state of a file server. It has one owner at a time.
type Server struct {
	cfg    Config
	std    service.Service[*inode]
	root   *inode
	inodes map[uint64]*inode
	last   uint64 // number that an inode got
	used   int64  // bytes of contents
	boots  map[uint32]uint64
	stamp  uint64 // of the last grant or recall: higher than all of the server's former lives

	// Of the request that is being served.
	now     int64
	recalls []Recall
	need    Need

	book     *ledger // nil: files are in memory only
	doubtful []*inode
	trouble  string // what is wrong with the storage
	disks    string // which of them have what
	damaged  int    // blocks that storage should have, and has not
}

// inodeBytes is what an inode counts for when the server's space is reckoned.
const inodeBytes = 512

// New returns a server with an empty root.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, inodes: make(map[uint64]*inode), boots: make(map[uint32]uint64), now: cfg.Now, stamp: uint64(cfg.Now)}
	s.root = &inode{secret: cfg.Secret, mode: modeDir | 0o755, nlink: 2, mtime: cfg.Now, atime: cfg.Now, ctime: cfg.Now}
	s.root.parent = s.root
	s.inodes[0] = s.root
	s.std = service.Service[*inode]{
		Find: func(number uint64) (*inode, capability.Secret, bool) {
			n := s.inodes[number]
			if n == nil {
				return nil, capability.Secret{}, false
			}
			return n, n.secret, true
		},
		Needs:  needs,
		Info:   s.info,
		Status: s.status,
		Touch:  func(*inode) {},
	}
	return s
}

// needs is the right that a command needs of the object in the header. What it needs
// where the path leads is looked at there.
func needs(command uint32) capability.Rights {
	switch command {
	case filesys.Read, filesys.List:
		return filesys.RightRead
	case filesys.Write:
		return filesys.RightWrite
	}
	return 0
}

func (s *Server) info(n *inode) string {
	switch {
	case n == s.root:
		return "file server"
	case n.isDir():
		return "directory"
	}
	return fmt.Sprintf("file of %d bytes", n.size)
}

func (s *Server) status(*inode) string {
	return fmt.Sprintf("files %d\nbytes %d of %d\nopen %d\nrefused %d\n", len(s.inodes), s.used, s.cfg.Capacity, s.Open(),
		s.std.Stats.CapBad+s.std.Stats.Denied) + s.storage()
}

// Do serves one request: h becomes the header of the reply. If nodes must be recalled
// first, nothing has changed, h is as it was, and the request is to come again; so it is
// if Need says so.
func (s *Server) Do(now int64, h *std.Header, data []byte) (reply []byte, recalls []Recall) {
	s.now, s.recalls, s.need = now, nil, Need{}
	h.Port = s.cfg.Port
	request := *h
	n, reply, done := s.std.Serve(h, data)
	if done {
		return reply, nil
	}
	q := &query{Server: s, h: &request, rights: request.Rights, data: data}
	e, status := q.serve(n)
	if len(s.recalls) > 0 {
		return nil, s.recalls
	}
	if s.need.again() {
		return nil, nil
	}
	q.reply.Port = s.cfg.Port
	*h = q.reply
	h.Extra = e
	h.SetStatus(status)
	return q.out, nil
}

// query is one request, and what becomes of it.
type query struct {
	*Server
	h      *std.Header
	rights capability.Rights // of the capability in the header
	data   []byte

	reply std.Header
	out   []byte
}

func (q *query) serve(n *inode) (errno, std.Status) {
	switch q.h.Command {
	case filesys.Open:
		return q.open(n)
	case filesys.Stat:
		return q.stat(n)
	case filesys.Set:
		return q.set(n)
	case filesys.Mkdir, filesys.Unlink, filesys.Rmdir, filesys.Symlink, filesys.Readlink:
		return q.name(n)
	case filesys.Rename, filesys.Link:
		return q.two(n)
	case filesys.Read:
		return q.read(n)
	case filesys.Write:
		return q.write(n)
	case filesys.Seek:
		return q.seek(n)
	case filesys.Lock:
		return q.lock(n)
	case filesys.Unlock:
		return q.unlock(n)
	case filesys.List:
		return q.listDir(n)
	case filesys.Sync:
		q.need.Safe = true
		return 0, std.OK
	case filesys.Hold, filesys.Release:
		return q.holds()
	case filesys.Space:
		r := filesys.Room{Total: uint64(q.cfg.Capacity), Free: uint64(max(q.cfg.Capacity-q.used, 0)), Files: uint64(len(q.inodes))}
		q.out = r.Append(nil)
		return 0, std.OK
	}
	return 0, std.ComBad
}

// names reports whether it is the name that a path is for, and not what has it.
func (q *query) names(which uint8) bool {
	switch q.h.Command {
	case filesys.Mkdir, filesys.Symlink, filesys.Unlink, filesys.Rmdir, filesys.Rename:
		return true
	case filesys.Link:
		return which == 1
	case filesys.Open:
		return q.h.Extra&oCreat != 0
	}
	return false
}

// lookup resolves a path. If it leaves the server, that is the answer: left.
func (q *query) lookup(n *inode, p *filesys.Place, which uint8, follow bool) (pl place, e errno, left bool) {
	w := filesys.Walker[*inode]{Tree: tree{}, Root: p.Root, Name: q.names(which)}
	s, e := w.Walk(n, p.Path, follow)
	if w.Way != nil {
		w.Way.Which = which
		q.out = w.Way.Append(nil)
	}
	return place{s.Dir, s.Name, s.Node, s.MustBeDir}, e, e != 0
}

// found is the answer that describes where a path has led.
func (q *query) found(pl place, root, grant uint64) {
	f := filesys.Found{Attr: pl.node.attr(), Grant: grant}
	switch {
	case pl.node.isDir():
		f.Path = pl.node.path(root)
	case pl.node != pl.dir: // by name
		if f.Path = pl.dir.path(root); f.Path != "" {
			f.Path += "/"
		}
		f.Path += pl.name
	}
	if len(f.Path) > filesys.MaxPath {
		f.Path = ""
	}
	q.out = f.Append(nil)
}

func (q *query) may(r capability.Rights) bool { return q.rights&r == r }

// full reports whether so much more does not fit.
func (s *Server) full(bytes int64) bool { return s.used+bytes > s.cfg.Capacity }

// fullOfInodes reports whether one more inode does not fit.
func (s *Server) fullOfInodes() bool {
	return s.full(inodeBytes) || s.cfg.Inodes > 0 && len(s.inodes) >= s.cfg.Inodes
}

// make returns a new inode without a name.
func (s *Server) make(mode uint32) *inode {
	s.last++
	n := &inode{number: s.last, secret: capability.NewSecret(s.cfg.Random), mode: mode,
		mtime: s.now, atime: s.now, ctime: s.now, version: s.stamp} // higher than in any former life
	if n.isDir() {
		n.nlink = 1 // its own "."
	}
	n.book = s.book
	s.inodes[n.number] = n
	s.used += inodeBytes
	s.book.note(n)
	return n
}

// drop frees an inode that has neither a name nor anybody who has it open.
func (s *Server) drop(n *inode) {
	if len(n.opens) == 0 && !n.former {
		n.offsets = nil
	}
	if n.nlink > 0 || len(n.opens) > 0 || n == s.root || s.inodes[n.number] != n || n.former && s.suspect(n) {
		return
	}
	s.used -= n.content.used() + inodeBytes
	s.book.remove(n)
	n.content = content{}
	delete(s.inodes, n.number)
}

// stat describes a file.
func (q *query) stat(n *inode) (errno, std.Status) {
	p, rest, ok := filesys.DecodePlace(q.data)
	if !ok || len(rest) > 0 {
		return 0, std.ArgBad
	}
	pl, e, over := q.lookup(n, &p, 0, q.h.Extra&filesys.NoFollow == 0)
	switch {
	case over:
		return e, std.OK
	case pl.node == nil:
		return enoent, std.OK
	}
	q.reply.Object = pl.node.number
	q.found(pl, p.Root, 0)
	return 0, std.OK
}

// set changes mode, times and size.
func (q *query) set(n *inode) (errno, std.Status) {
	c, rest, ok := filesys.DecodeChange(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	p, rest, ok := filesys.DecodePlace(rest)
	if !ok || len(rest) > 0 {
		return 0, std.ArgBad
	}
	pl, e, over := q.lookup(n, &p, 0, q.h.Extra&filesys.NoFollow == 0)
	x := pl.node
	switch size := c.Mask&filesys.SetSize != 0; {
	case over:
		return e, std.OK
	case x == nil:
		return enoent, std.OK
	case c.Mask&^(filesys.SetSize|filesys.Grow) != 0 && !q.may(filesys.RightAttr), size && !q.may(filesys.RightWrite):
		return erofs, std.OK
	case size && x.isDir():
		return eisdir, std.OK
	case size && (!x.isReg() || c.Size < 0):
		return einval, std.OK
	case size && c.Size > maxSize:
		return efbig, std.OK
	case size && q.recallAll(x):
		return 0, std.OK
	}
	if c.Mask&filesys.SetMode != 0 {
		x.mode = x.mode&modeType | c.Mode&0o7777
	}
	if c.Mask&filesys.SetMtime != 0 {
		x.mtime = c.Mtime
	}
	if c.Mask&filesys.SetAtime != 0 {
		x.atime = c.Atime
	}
	if c.Mask&filesys.SetSize != 0 && (c.Mask&filesys.Grow == 0 || c.Size > x.size) {
		q.truncate(x, c.Size)
	}
	x.ctime = q.now
	q.book.note(x)
	q.reply.Object = x.number
	q.found(pl, p.Root, 0)
	return 0, std.OK
}

func (s *Server) truncate(n *inode, size int64) {
	n.wanted = 0
	s.used -= n.content.truncate(size)
	n.changed(s.now)
}

// changed: the contents of a file are other ones now.
func (n *inode) changed(now int64) {
	n.mtime, n.ctime = now, now
	n.version++
	n.book.note(n)
}

// Open is how many files nodes have open, each counted once for each node.
func (s *Server) Open() (open int) {
	for _, n := range s.inodes {
		open += len(n.opens)
	}
	return open
}

// Contents is what a file of the root has in it, for tests; nil if there is none.
func (s *Server) Contents(name string) []byte {
	n := s.root.child(name)
	if n == nil || !n.isReg() {
		return nil
	}
	return n.content.read(nil, 0, int(n.size))
}

// Put makes a file of the root, for tests.
func (s *Server) Put(name string, text []byte) {
	n := s.make(modeReg | 0o644)
	s.root.add(name, n, s.now)
	s.used += n.content.write(0, text)
	n.changed(s.now)
}
