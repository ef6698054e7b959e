package fs

import (
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/object"
	"motile/kernel/vm"
)

// The boot archive is a newc cpio (cpio(5), "New ASCII Format"). Its last file
// before the trailer is the manifest: a line "digest path" for every regular file.

const (
	newcMagic  = "070701"
	newcHeader = 110
	trailer    = "TRAILER!!!"

	// Manifest is the name of the file that lists the digests.
	Manifest = "etc/motile/digests"
)

// Load fills the tree from an archive that lies at physical address pa, which
// stays where it is: files read straight from it, and those whose content is
// page-aligned are mapped from it.
func (t *Tree) Load(archive []byte, pa uint64) error {
	digests, err := manifest(archive)
	if err != nil {
		return err
	}
	return each(archive, func(h header, data []byte, off int) error {
		pl, errno := t.Lookup(t.Root, h.name, false)
		if errno == abi.ENOENT {
			return fmt.Errorf("boot archive: %s comes before its directory", h.name)
		}
		if errno != 0 {
			return fmt.Errorf("boot archive: %s: error %d", h.name, errno)
		}
		t.Wall = int64(h.mtime) * 1e9
		switch h.mode & object.ModeType {
		case object.ModeDir:
			if pl.Node == nil {
				errno = t.Mkdir(pl, h.mode)
			}
		case object.ModeLink:
			errno = t.Symlink(pl, string(data))
		case object.ModeReg:
			first := hw.PFN(0)
			if at := pa + uint64(off); at%hw.PageSize == 0 && len(data) >= hw.PageSize {
				first = hw.PFN(at / hw.PageSize)
			}
			errno = t.File(pl, h.mode, vm.NewFile(data, first, digests[h.name]), h.name)
			if n := t.ByDigest(digests[h.name]); n != nil {
				n.Boot = true
			}
		default:
			return nil // devices are the kernel's
		}
		if errno != 0 {
			return fmt.Errorf("boot archive: %s: error %d", h.name, errno)
		}
		return nil
	})
}

// manifest reads the digests; an archive without one has none.
func manifest(archive []byte) (map[string]vm.Digest, error) {
	digests := make(map[string]vm.Digest)
	err := each(archive, func(h header, data []byte, _ int) error {
		if h.name != Manifest {
			return nil
		}
		for line := range strings.Lines(string(data)) {
			sum, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			var d vm.Digest
			if n, err := hex.Decode(d[:], []byte(sum)); err != nil || n != len(d) {
				return fmt.Errorf("boot archive: %s: bad line %q", Manifest, line)
			}
			digests[name] = d
		}
		return nil
	})
	return digests, err
}

type header struct {
	name  string
	mode  uint32
	mtime uint32
}

// each calls f for every entry. off is where data lies in the archive.
func each(archive []byte, f func(h header, data []byte, off int) error) error {
	for at := 0; ; {
		if at+newcHeader > len(archive) || string(archive[at:at+6]) != newcMagic {
			return fmt.Errorf("boot archive: no newc header at offset %d", at)
		}
		field := func(i int) int {
			v := 0
			for _, c := range archive[at+6+8*i : at+14+8*i] {
				v = v<<4 | hexDigit(c)
			}
			return v
		}
		size, namesize := field(6), field(11)
		start := at + newcHeader
		data := (start + namesize + 3) &^ 3
		if namesize < 1 || data > len(archive) || data+size > len(archive) || size < 0 {
			return fmt.Errorf("boot archive: entry at offset %d does not fit", at)
		}
		name := strings.TrimRight(string(archive[start:start+namesize]), "\x00")
		if name == trailer {
			return nil
		}
		h := header{name: path.Clean("/" + name)[1:], mode: uint32(field(1)), mtime: uint32(field(5))}
		if h.name != "" {
			if err := f(h, archive[data:data+size:data+size], data); err != nil {
				return err
			}
		}
		at = (data + size + 3) &^ 3
	}
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return 0
}
