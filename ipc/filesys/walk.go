package filesys

import "strings"

// Linux's error numbers that a walk ends with; Leave is another end.
const (
	enoent       = 2
	enotdir      = 20
	enametoolong = 36
	eloop        = 40
)

const (
	maxName  = 255
	maxLinks = 40 // symbolic links followed in one walk
)

// Tree is what a server keeps, as a walk sees it. N stands for a file or directory, its
// zero value for nothing. An errno is 0 or Linux's number.
type Tree[N comparable] interface {
	IsDir(n N) bool
	IsLink(n N) bool
	Child(dir N, name string) (n N, errno uint32) // nothing, if there is none: that is no error
	Parent(dir N) (n N, errno uint32)
	Top(dir N, root uint64) bool // ".." of it leads out of a name space that begins at root
	Target(link N) (target string, errno uint32)
}

// Spot is where a path leads: the directory, the last name in it, and what is there.
type Spot[N comparable] struct {
	Dir       N
	Name      string // "." for a directory itself, ".." for one that was reached so
	Node      N
	MustBeDir bool // the path ended in a slash
}

// Walker resolves one path, with the rules of path_resolution(7). Every server walks so.
type Walker[N comparable] struct {
	Tree Tree[N]
	Root uint64 // where the name space begins
	Name bool   // what is wanted is the name: a slash behind it does not follow a link
	Way  *Way   // set: the path leaves the server; the errno is Leave

	links int
}

// Walk resolves path from dir on. A missing last element is no error. With follow, a
// symbolic link at the end is followed.
func (w *Walker[N]) Walk(dir N, path string, follow bool) (s Spot[N], errno uint32) {
	var none N
	s = Spot[N]{Dir: dir, Name: ".", Node: dir}
	rest := strings.TrimLeft(path, "/")
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		slash := rest != "" || strings.HasSuffix(path, "/")
		rest = strings.TrimLeft(rest, "/")
		last := rest == ""
		switch {
		case s.Node == none:
			return Spot[N]{}, enoent
		case !w.Tree.IsDir(s.Node):
			return Spot[N]{}, enotdir
		case len(name) > maxName:
			return Spot[N]{}, enametoolong
		}
		d := s.Node
		switch name {
		case ".":
			s = Spot[N]{Dir: d, Name: ".", Node: d}
			continue
		case "..":
			if w.Tree.Top(d, w.Root) {
				return Spot[N]{}, w.leave(".", rest, slash)
			}
			up, errno := w.Tree.Parent(d)
			if errno != 0 {
				return Spot[N]{}, errno
			}
			s = Spot[N]{Dir: up, Name: "..", Node: up}
			continue
		}
		n, errno := w.Tree.Child(d, name)
		if errno != 0 {
			return Spot[N]{}, errno
		}
		s = Spot[N]{Dir: d, Name: name, Node: n, MustBeDir: last && slash}
		if n == none || !w.Tree.IsLink(n) || last && (slash && w.Name || !slash && !follow) {
			continue
		}
		if s, errno = w.follow(s, rest, slash); errno != 0 {
			return Spot[N]{}, errno
		}
	}
	if s.MustBeDir && !w.Name && s.Node != none && !w.Tree.IsDir(s.Node) {
		return Spot[N]{}, enotdir
	}
	return s, 0
}

// follow goes where a symbolic link leads; rest is what the path has behind it.
func (w *Walker[N]) follow(link Spot[N], rest string, slash bool) (Spot[N], uint32) {
	if w.links++; w.links > maxLinks {
		return Spot[N]{}, eloop
	}
	target, errno := w.Tree.Target(link.Node)
	switch {
	case errno != 0:
		return Spot[N]{}, errno
	case target == "":
		return Spot[N]{}, enoent
	case target[0] == '/':
		return Spot[N]{}, w.leave(target, rest, slash)
	}
	name := w.Name
	w.Name = name && rest == ""
	s, errno := w.Walk(link.Dir, target, true)
	w.Name = name
	if w.Way != nil { // it goes on behind the link
		return Spot[N]{}, w.leave(w.Way.Path, rest, slash)
	}
	s.MustBeDir = s.MustBeDir || link.MustBeDir
	return s, errno
}

// leave notes where the path goes on: at to, and then rest.
func (w *Walker[N]) leave(to, rest string, slash bool) uint32 {
	switch {
	case rest != "":
		to += "/" + rest
	case slash:
		to += "/"
	}
	if len(to) > MaxPath {
		w.Way = nil
		return enametoolong
	}
	w.Way = &Way{Root: w.Root, Path: to}
	return Leave
}
