package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"motile/proc/api/client"
)

// library finds the files that a process has mapped, by digest: among those that came
// along in the checkpoint, on the node that the process runs on, and on this host.
type library struct {
	s     *subject
	paths []string // files and folders that the user has named
	found map[[32]byte]*mapped
}

// mapped is such a file.
type mapped struct {
	io.ReaderAt
	size int64
	from string // where it was found
}

func newLibrary(paths []string, s *subject) *library {
	return &library{s, paths, make(map[[32]byte]*mapped)}
}

// open finds a file.
func (l *library) open(digest [32]byte) (*mapped, error) {
	f, known := l.found[digest]
	if !known {
		f = l.search(digest)
		l.found[digest] = f
	}
	if f == nil {
		return nil, fmt.Errorf("%s (SHA-256 %x…) is neither in the checkpoint nor found here: name it with --exe", client.PathOf(l.s.Descriptor, digest), digest[:6])
	}
	return f, nil
}

func (l *library) search(digest [32]byte) *mapped {
	if c := l.s.file; c != nil {
		if f, ok := c.Has(digest); ok {
			if data, err := c.Content(digest); err == nil {
				return &mapped{bytes.NewReader(data), f.Size, "the checkpoint"}
			}
		}
	}
	size := int64(-1)
	for _, st := range l.s.Process.Stores {
		if string(st.Digest) == string(digest[:]) {
			size = st.Size
		}
	}
	for _, path := range append(l.paths[:len(l.paths):len(l.paths)], client.PathOf(l.s.Descriptor, digest)) {
		if f := onHost(path, size, digest); f != nil {
			return f
		}
	}
	if l.s.live != nil {
		if f, err := l.s.at.Client.Node(l.s.live.SnapshotReply.Node).File(l.s.ctx, digest); err == nil {
			data := make([]byte, f.Size)
			if _, err := f.ReadAt(data, 0); err == nil {
				return &mapped{bytes.NewReader(data), f.Size, fmt.Sprintf("node %d", l.s.live.SnapshotReply.Node)}
			}
		}
	}
	return nil
}

// onHost looks for a file at a path, or below it.
func onHost(path string, size int64, digest [32]byte) (found *mapped) {
	_ = filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is not it
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() != size && size >= 0 {
			return nil
		}
		if data, err := os.ReadFile(path); err == nil && sha256.Sum256(data) == digest {
			found = &mapped{bytes.NewReader(data), info.Size(), path}
			return fs.SkipAll
		}
		return nil
	})
	return found
}
