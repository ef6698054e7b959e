package file

import (
	"strings"

	"motile/ipc/filesys"
)

const (
	maxName  = 255
	maxLinks = 40 // symbolic links followed in one lookup
)

// place is where a path leads: the directory, the last name in it, and what is there,
// nil if nothing.
type place struct {
	dir       *inode
	name      string // "." for a directory itself, ".." for one that was reached so
	node      *inode
	mustBeDir bool // the path ended in a slash
}

// walker resolves one path.
type walker struct {
	root  uint64 // where the name space begins
	links int
	name  bool         // what is wanted is the name: a slash behind it does not follow a link
	way   *filesys.Way // set: the path leaves the server
}

// walk resolves path from dir on. A missing last element is no error. With follow, a
// symbolic link at the end is followed.
func (w *walker) walk(dir *inode, path string, follow bool) (place, errno) {
	pl := place{dir: dir, name: ".", node: dir}
	rest := strings.TrimLeft(path, "/")
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		slash := rest != "" || strings.HasSuffix(path, "/")
		rest = strings.TrimLeft(rest, "/")
		last := rest == ""
		switch {
		case pl.node == nil:
			return place{}, enoent
		case !pl.node.isDir():
			return place{}, enotdir
		case len(name) > maxName:
			return place{}, enametoolong
		}
		d := pl.node
		switch name {
		case ".":
			pl = place{dir: d, name: ".", node: d}
			continue
		case "..":
			if d.number == w.root || d.parent == d {
				return place{}, w.leave(".", rest, slash)
			}
			if d.parent == nil {
				return place{}, enoent // it was removed
			}
			pl = place{dir: d.parent, name: "..", node: d.parent}
			continue
		}
		pl = place{dir: d, name: name, node: d.child(name), mustBeDir: last && slash}
		if n := pl.node; n != nil && n.isLink() && (!last || follow && !slash || slash && !w.name) {
			if w.links++; w.links > maxLinks {
				return place{}, eloop
			}
			if n.target == "" {
				return place{}, enoent
			}
			if n.target[0] == '/' {
				return place{}, w.leave(n.target, rest, slash)
			}
			name := w.name
			w.name = name && last
			sub, e := w.walk(d, n.target, true)
			w.name = name
			if w.way != nil { // it goes on behind the link
				return place{}, w.leave(w.way.Path, rest, slash)
			}
			if e != 0 {
				return place{}, e
			}
			sub.mustBeDir = sub.mustBeDir || pl.mustBeDir
			pl = sub
		}
	}
	if pl.mustBeDir && !w.name && pl.node != nil && !pl.node.isDir() {
		return place{}, enotdir
	}
	return pl, 0
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
		return enametoolong
	}
	w.way = &filesys.Way{Root: w.root, Path: to}
	return 0
}
