package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

const (
	pageSize   = 4096
	newcHeader = 110 // bytes of an entry before its name
)

// Bytes returns the archive as the kernel reads it.
func (a *Archive) Bytes() ([]byte, error) {
	if err := a.put(Manifest, entry{mode: typeReg | 0o644, data: a.manifest(), base: true}); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := cpio.Newc.Writer(&out)
	for i, name := range a.names() {
		e := a.entries[name]
		info := cpio.Info{Ino: uint64(i + 1), Mode: uint64(e.mode), NLink: 1, Name: name}
		if e.kind() == typeReg && len(e.data) >= pageSize {
			info.Name = pad(name, out.Len())
		}
		if err := w.WriteRecord(cpio.StaticRecord(e.data, info)); err != nil {
			return nil, fmt.Errorf("/%s: %w", name, err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// pad appends NULs to the name of an entry that starts at offset at, until its
// content is page-aligned. Readers of newc stop at the first NUL.
func pad(name string, at int) string {
	at = (at + 3) &^ 3
	short := -(at + newcHeader + len(name) + 1) & (pageSize - 1)
	return name + strings.Repeat("\x00", short)
}

// Read takes an archive made by this package apart, to put more files into it
// or other ones in place of its own. No byte of it may have changed since.
func Read(data []byte) (*Archive, error) {
	a := New()
	r := cpio.Newc.Reader(bytes.NewReader(data))
	for {
		rec, err := r.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("not a boot archive: %w", err)
		}
		if err := a.take(rec); err != nil {
			return nil, fmt.Errorf("not a boot archive: %w", err)
		}
	}
	// A cpio cut short between two entries reads like a whole one, and nothing
	// in it covers its headers. That the same files give the same bytes does.
	if again, err := a.Bytes(); err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("not a boot archive: it was changed or cut short")
	}
	return a, nil
}

func (a *Archive) take(rec cpio.Record) error {
	name, err := clean(strings.TrimRight(rec.Name, "\x00"))
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.NewSectionReader(rec.ReaderAt, 0, int64(rec.FileSize)))
	if err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	e := entry{mode: uint32(rec.Mode), data: data, base: true}
	switch e.kind() {
	case typeDir, typeReg, typeLink:
		return a.put(name, e)
	}
	return fmt.Errorf("/%s has mode %o", name, e.mode)
}

// WriteFile writes the archive to a file, which is never seen half written, and
// is its owner's alone if anything in it is.
func (a *Archive) WriteFile(file string) error {
	data, err := a.Bytes()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once renamed
	mode := os.FileMode(0o644)
	if a.private() {
		mode = 0o600
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
