package share

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/ipc/std/service"
)

// Name is what the service is called: its port is the cluster key's by that name.
const Name = "share"

// Server is the file server. Do may be called from any goroutine.
type Server struct {
	port   capability.Port
	secret capability.Secret
	rights capability.Rights // that there are at most
	dev    uint64            // file system of the folder
	std    service.Service[*object]

	mu      sync.Mutex
	root    *os.Root
	top     *object
	objects map[uint64]*object
	boots   map[uint32]uint64 // of nodes that have something open
}

// object is a file or directory that capabilities were given for: as long as a node has it
// open; a directory for ever, since a mount is not told of.
type object struct {
	number  uint64
	path    string // from the folder on, as far as we know
	dir     bool
	file    *os.File // open, but of directories
	write   bool     // so is file
	holders []holder
}

// holder is a node that has an object open.
type holder struct {
	node uint32
	seq  uint64 // of its last open
}

// Config is what a server is made of.
type Config struct {
	Folder   string
	Port     capability.Port   // put-port
	Secret   capability.Secret // of object 0, the folder
	ReadOnly bool
}

// maxObjects bounds what nodes can have us remember.
const maxObjects = 65536

// New opens the folder.
func New(cfg Config) (*Server, error) {
	root, err := os.OpenRoot(cfg.Folder)
	if err != nil {
		return nil, fmt.Errorf("sharing a folder: %w", err)
	}
	info, err := root.Stat(".")
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("sharing %s: %w", cfg.Folder, err)
	}
	s := &Server{port: cfg.Port, secret: cfg.Secret, rights: capability.AllRights, dev: info.Sys().(*syscall.Stat_t).Dev, root: root,
		top: &object{path: ".", dir: true}, objects: make(map[uint64]*object), boots: make(map[uint32]uint64)}
	if cfg.ReadOnly {
		s.rights = filesys.RightRead
	}
	s.objects[0] = s.top
	name := filepath.Base(cfg.Folder)
	s.std = service.Service[*object]{
		Find: func(number uint64) (*object, capability.Secret, bool) {
			o := s.objects[number]
			return o, s.secretOf(number), o != nil
		},
		Needs: needs,
		Info:  func(o *object) string { return "folder " + name + " of the host: " + o.path },
		Status: func(*object) string {
			return fmt.Sprintf("objects %d\nrefused %d\n", len(s.objects), s.std.Stats.CapBad+s.std.Stats.Denied)
		},
		Touch: func(*object) {},
	}
	return s, nil
}

// Close closes the folder and all that is open.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		o.close()
	}
	return s.root.Close()
}

func (o *object) close() {
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}

// secretOf is what capabilities of an object are checked against: it need not be kept.
func (s *Server) secretOf(number uint64) capability.Secret {
	if number == 0 {
		return s.secret
	}
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(number >> (8 * i))
	}
	return capability.Secret(capability.OneWay("motile share", s.secret[:], b))
}

// needs is the right that a command needs of the object in the header.
func needs(command uint32) capability.Rights {
	switch command {
	case filesys.Read, filesys.List:
		return filesys.RightRead
	case filesys.Write:
		return filesys.RightWrite
	}
	return 0
}

// Do serves one request: h becomes the header of the reply.
func (s *Server) Do(h *std.Header, data []byte) (reply []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Port = s.port
	request := *h
	o, reply, done := s.std.Serve(h, data)
	if done {
		return reply
	}
	q := &query{Server: s, h: &request, rights: request.Rights & s.rights, data: data}
	e, status := q.serve(o)
	q.reply.Port = s.port
	*h = q.reply
	h.Extra = e
	h.SetStatus(status)
	return q.out
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

func (q *query) may(r capability.Rights) bool { return q.rights&r == r }

func (q *query) serve(o *object) (errno, std.Status) {
	switch q.h.Command {
	case filesys.Open:
		return q.open(o)
	case filesys.Stat:
		return q.stat(o)
	case filesys.Set:
		return q.set(o)
	case filesys.Mkdir, filesys.Unlink, filesys.Rmdir, filesys.Symlink, filesys.Readlink:
		return q.name(o)
	case filesys.Rename, filesys.Link:
		return q.two(o)
	case filesys.Read:
		return q.read(o), std.OK
	case filesys.Write:
		return q.write(o), std.OK
	case filesys.List:
		return q.list(o), std.OK
	case filesys.Sync:
		return q.sync(o), std.OK
	case filesys.Hold, filesys.Release:
		return q.holds()
	case filesys.Space:
		return q.space(), std.OK
	}
	return 0, std.ComBad
}
