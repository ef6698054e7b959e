package share

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"motile/ipc/filesys"
)

const (
	maxName  = 255
	maxLinks = 40 // symbolic links followed in one lookup
)

// place is where a path leads: what is there, nil if nothing, and its path in the folder.
type place struct {
	path      string // "." for the folder
	info      fs.FileInfo
	last      string // the last name as it was given: ".", ".." or a name
	mustBeDir bool   // the path ended in a slash
	itself    *object
}

// walker resolves one path. root is the object at which the name space of the caller
// begins.
type walker struct {
	*Server
	root  uint64
	links int
	name  bool // what is wanted is the name: a slash behind it does not follow a link
	way   *filesys.Way
}

// walk resolves p from a directory on. A missing last element is no error. With follow, a
// symbolic link at the end is followed.
func (w *walker) walk(dir, p string, follow bool) (place, errno) {
	info, err := w.Server.root.Lstat(dir)
	if err != nil {
		return place{}, errnoOf(err)
	}
	pl := place{path: dir, info: info, last: "."}
	rest := strings.TrimLeft(p, "/")
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		slash := rest != "" || strings.HasSuffix(p, "/")
		rest = strings.TrimLeft(rest, "/")
		last := rest == ""
		switch {
		case pl.info == nil:
			return place{}, errno(syscall.ENOENT)
		case !pl.info.IsDir():
			return place{}, errno(syscall.ENOTDIR)
		case len(name) > maxName:
			return place{}, errno(syscall.ENAMETOOLONG)
		}
		from := pl.path
		switch name {
		case ".":
			pl.last, pl.mustBeDir = ".", false
			continue
		case "..":
			if from == "." || w.number(pl) == w.root {
				return place{}, w.leave(".", rest, slash)
			}
			if pl, err = w.at(path.Dir(from)); err != nil {
				return place{}, errnoOf(err)
			}
			pl.last = ".."
			continue
		}
		if pl, err = w.at(path.Join(from, name)); err != nil {
			return place{}, errnoOf(err)
		}
		pl.last, pl.mustBeDir = name, last && slash
		if pl.info == nil || pl.info.Mode()&fs.ModeSymlink == 0 || last && (!follow || slash) && (!slash || w.name) {
			continue
		}
		sub, e := w.follow(from, pl, rest, last, slash)
		if e != 0 {
			return place{}, e
		}
		sub.mustBeDir = sub.mustBeDir || pl.mustBeDir
		pl = sub
	}
	if pl.mustBeDir && !w.name && pl.info != nil && !pl.info.IsDir() {
		return place{}, errno(syscall.ENOTDIR)
	}
	return pl, 0
}

// follow goes where a symbolic link in a directory leads.
func (w *walker) follow(dir string, link place, rest string, last, slash bool) (place, errno) {
	if w.links++; w.links > maxLinks {
		return place{}, errno(syscall.ELOOP)
	}
	target, err := w.Server.root.Readlink(link.path)
	switch {
	case err != nil:
		return place{}, errnoOf(err)
	case target == "":
		return place{}, errno(syscall.ENOENT)
	case target[0] == '/':
		return place{}, w.leave(target, rest, slash)
	}
	name := w.name
	w.name = name && last
	pl, e := w.walk(dir, target, true)
	w.name = name
	if w.way != nil { // it goes on behind the link
		return place{}, w.leave(w.way.Path, rest, slash)
	}
	return pl, e
}

// at looks at one path. That nothing is there is no error.
func (w *walker) at(p string) (place, error) {
	info, err := w.Server.root.Lstat(p)
	if err != nil && !os.IsNotExist(err) {
		return place{}, err
	}
	return place{path: p, info: info}, nil
}

// leave notes where the path goes on: at to, and then rest.
func (w *walker) leave(to, rest string, slash bool) errno {
	switch {
	case rest != "":
		to += "/" + rest
	case slash:
		to += "/"
	}
	if len(to) > filesys.MaxPath {
		return errno(syscall.ENAMETOOLONG)
	}
	w.way = &filesys.Way{Root: w.root, Path: to}
	return filesys.Leave
}

// lookup resolves the path of a request. If it leaves the folder, that is the answer.
func (q *query) lookup(o *object, p *filesys.Place, which uint8, follow, name bool) (pl place, e errno) {
	if p.Path == "" {
		return q.self(o)
	}
	if !o.dir {
		return pl, errno(syscall.ENOTDIR)
	}
	w := walker{Server: q.Server, root: p.Root, name: name}
	pl, e = w.walk(o.path, p.Path, follow)
	if w.way != nil && e == filesys.Leave {
		w.way.Which = which
		q.out = w.way.Append(nil)
	}
	return pl, e
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
