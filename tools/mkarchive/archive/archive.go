package archive

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Manifest is the file that lists the digests, a line "digest path" for each
// regular file but itself. The kernel reads it under this name (kernel/fs).
const Manifest = "etc/motile/digests"

// Limits of newc (a size has eight hex digits) and of the kernel's file tree.
const (
	maxFile = 1<<32 - 1
	maxPath = 4095
	maxName = 255
)

// File types, as st_mode has them.
const (
	typeMask = 0o170000
	typeDir  = 0o040000
	typeReg  = 0o100000
	typeLink = 0o120000
)

// Archive is a boot archive in the making.
type Archive struct {
	entries map[string]entry // by path without leading slash
}

type entry struct {
	mode uint32
	data []byte // of a link, what it points at
	base bool   // came with Read, so it may be replaced
}

func (e entry) kind() uint32 { return e.mode & typeMask }

// New returns an empty archive.
func New() *Archive { return &Archive{entries: make(map[string]entry)} }

// Dir adds a directory. Parent directories are made as needed, here and below.
func (a *Archive) Dir(name string) error {
	return a.add(name, entry{mode: typeDir | 0o755})
}

// File adds a regular file. It replaces one that came from the archive that was
// read, and no other.
func (a *Archive) File(name string, perm uint32, data []byte) error {
	if len(data) > maxFile {
		return fmt.Errorf("%s: %d bytes do not fit into a cpio", name, len(data))
	}
	return a.add(name, entry{mode: typeReg | perm&0o7777, data: data})
}

// Link adds a symbolic link.
func (a *Archive) Link(name, target string) error {
	if target == "" || len(target) > maxPath || strings.ContainsRune(target, 0) {
		return fmt.Errorf("%s: a link cannot point at %.40q", name, target)
	}
	return a.add(name, entry{mode: typeLink | 0o777, data: []byte(target)})
}

// Has reports whether there is an entry of that name.
func (a *Archive) Has(name string) bool {
	name, err := clean(name)
	_, ok := a.entries[name]
	return err == nil && ok
}

// Contents is what a regular file has in it.
func (a *Archive) Contents(name string) (data []byte, ok bool) {
	name, err := clean(name)
	e, found := a.entries[name]
	if err != nil || !found || e.kind() != typeReg {
		return nil, false
	}
	return e.data, true
}

func (a *Archive) add(name string, e entry) error {
	name, err := clean(name)
	if err != nil {
		return err
	}
	if name == Manifest {
		return fmt.Errorf("/%s is made by the archive itself", name)
	}
	return a.put(name, e)
}

func (a *Archive) put(name string, e entry) error {
	if old, ok := a.entries[name]; ok {
		switch {
		case e.kind() == typeDir && old.kind() == typeDir:
			return nil
		case old.kind() != e.kind() || !old.base:
			return fmt.Errorf("/%s is there already", name)
		}
	}
	if dir := path.Dir(name); dir != "." {
		if err := a.put(dir, entry{mode: typeDir | 0o755}); err != nil {
			return err
		}
	}
	a.entries[name] = e
	return nil
}

// clean brings a path into the form that entries has.
func clean(name string) (string, error) {
	c := strings.TrimPrefix(path.Clean("/"+name), "/")
	switch {
	case c == "":
		return "", fmt.Errorf("%q names no file", name)
	case len(c) > maxPath || strings.ContainsAny(c, "\x00\n"):
		// A newline would break the manifest, which has a line per file.
		return "", fmt.Errorf("%.40q cannot be a path in the archive", name)
	}
	for part := range strings.SplitSeq(c, "/") {
		if len(part) > maxName {
			return "", fmt.Errorf("%.40q... is longer than %d bytes", part, maxName)
		}
	}
	return c, nil
}

// names lists the entries; a directory comes before what is in it.
func (a *Archive) names() []string {
	names := make([]string, 0, len(a.entries))
	for n := range a.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// manifest is the content of the file that lists the digests.
func (a *Archive) manifest() []byte {
	var m []byte
	for _, n := range a.names() {
		if e := a.entries[n]; e.kind() == typeReg && n != Manifest {
			m = fmt.Appendf(m, "%x %s\n", sha256.Sum256(e.data), n)
		}
	}
	return m
}

// private reports whether a file in the archive is for its owner's eyes only.
func (a *Archive) private() bool {
	for _, e := range a.entries {
		if e.kind() == typeReg && e.mode&0o077 == 0 {
			return true
		}
	}
	return false
}
