package checkpoints

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"motile/migrate/checkpoint"
	"motile/migrate/image"
)

// Write makes a checkpoint file of what fill writes. The file takes the place of one of
// that name when it is complete and on the disk: until then, and if anything fails, the
// old one stays, and of the new one nothing.
func Write(path string, key *[32]byte, d *image.Descriptor, o checkpoint.Options, fill func(*checkpoint.Writer) error) (checkpoint.Stats, error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return checkpoint.Stats{}, explain(path, err)
	}
	stats, err := write(f, key, d, o, fill)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return stats, explain(path, err)
	}
	return stats, syncDir(dir)
}

func write(f *os.File, key *[32]byte, d *image.Descriptor, o checkpoint.Options, fill func(*checkpoint.Writer) error) (checkpoint.Stats, error) {
	var salt [32]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return checkpoint.Stats{}, err
	}
	w, err := checkpoint.NewWriter(f, key, salt, d, o)
	if err != nil {
		return checkpoint.Stats{}, err
	}
	if err := fill(w); err != nil {
		return w.Stats, err
	}
	return w.Stats, w.Close()
}

// explain says what an error means for the checkpoint.
func explain(path string, err error) error {
	var p *fs.PathError
	var l *os.LinkError
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: no space left on the disk; the process goes on, and what was there of the checkpoint is removed (%w)", path, err)
	}
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", path, p.Err)
	}
	if errors.As(err, &l) {
		return fmt.Errorf("%s: %w", path, l.Err)
	}
	return err
}

// syncDir has a name survive a power cut. Where folders cannot be synced, that is not
// ours to mend.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.EBADF) {
		return err
	}
	return nil
}

// File is an open checkpoint file.
type File struct {
	*checkpoint.Checkpoint
	Path string

	file *os.File
}

// Open opens a checkpoint file, of which all is checked first.
func Open(path string, key *[32]byte) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := checkpoint.Open(f, key)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{c, path, f}, nil
}

// Close closes it.
func (f *File) Close() error { return f.file.Close() }
