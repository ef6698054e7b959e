package share

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"syscall"

	"motile/ipc/filesys"
)

// place is where a path leads: what is there, nil if nothing, and its path in the folder.
type place struct {
	path      string // "." for the folder
	info      fs.FileInfo
	last      string // the last name as it was given: ".", ".." or a name
	mustBeDir bool   // the path ended in a slash
	itself    *object
}

// spot is something in the folder.
type spot struct {
	path string
	info fs.FileInfo
}

// tree is the folder as filesys.Walker sees it.
type tree struct{ *Server }

func (tree) IsDir(n *spot) bool  { return n.info.IsDir() }
func (tree) IsLink(n *spot) bool { return n.info.Mode()&fs.ModeSymlink != 0 }

func (t tree) Child(dir *spot, name string) (*spot, errno) {
	n, err := t.at(path.Join(dir.path, name))
	return n, errnoOf(err)
}

func (t tree) Parent(dir *spot) (*spot, errno) {
	n, err := t.at(path.Dir(dir.path))
	if n == nil && err == nil {
		err = syscall.ENOENT
	}
	return n, errnoOf(err)
}

func (t tree) Top(dir *spot, root uint64) bool {
	return dir.path == "." || t.numberOf(dir.info) == root
}

func (t tree) Target(link *spot) (string, errno) {
	target, err := t.root.Readlink(link.path)
	return target, errnoOf(err)
}

// at looks at one path. That nothing is there is no error.
func (s *Server) at(p string) (*spot, error) {
	info, err := s.root.Lstat(p)
	switch {
	case err == nil:
		return &spot{p, info}, nil
	case os.IsNotExist(err):
		return nil, nil
	}
	return nil, err
}

// lookup resolves the path of a request. If it leaves the folder, that is the answer.
func (q *query) lookup(o *object, p *filesys.Place, which uint8, follow, name bool) (pl place, e errno) {
	if p.Path == "" {
		return q.self(o)
	}
	if !o.dir {
		return pl, errno(syscall.ENOTDIR)
	}
	dir, err := q.at(o.path)
	if err != nil || dir == nil {
		return pl, errnoOf(cmp.Or(err, error(syscall.ENOENT)))
	}
	w := filesys.Walker[*spot]{Tree: tree{q.Server}, Root: p.Root, Name: name}
	s, e := w.Walk(dir, p.Path, follow)
	switch {
	case w.Way != nil:
		w.Way.Which = which
		q.out = w.Way.Append(nil)
		return pl, e
	case e != 0:
		return pl, e
	case s.Node == nil:
		return place{path: path.Join(s.Dir.path, s.Name), last: s.Name, mustBeDir: s.MustBeDir}, 0
	}
	return place{path: s.Node.path, info: s.Node.info, last: s.Name, mustBeDir: s.MustBeDir}, 0
}

// self is an object by its capability, whatever its name is by now.
func (q *query) self(o *object) (pl place, e errno) {
	info, err := q.look(o)
	return place{path: o.path, info: info, last: ".", itself: o}, errnoOf(err)
}

func (s *Server) look(o *object) (fs.FileInfo, error) {
	if o.file != nil {
		return o.file.Stat()
	}
	info, err := s.root.Lstat(o.path)
	if err == nil && s.numberOf(info) != o.number && o != s.top {
		err = syscall.ESTALE // the host has put something else there
	}
	return info, err
}

// number is the object number of what is at a place.
func (s *Server) number(pl place) uint64 {
	if pl.path == "." {
		return 0
	}
	return s.numberOf(pl.info)
}

func (s *Server) numberOf(info fs.FileInfo) uint64 {
	st := info.Sys().(*syscall.Stat_t)
	if st.Dev == s.dev {
		return st.Ino
	}
	const golden = 0x9e3779b97f4a7c15
	return 1<<63 | st.Ino ^ st.Dev*golden // of another file system of the host, mounted below
}
