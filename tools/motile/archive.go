package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// pack writes files and folders of this host, under their last names.
func pack(w io.Writer, files []string) error {
	out := tar.NewWriter(w)
	for _, f := range files {
		f = filepath.Clean(f)
		top := filepath.Base(f)
		err := filepath.WalkDir(f, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(f, name)
			if err != nil {
				return err
			}
			return packOne(out, name, path.Join(top, filepath.ToSlash(rel)), d)
		})
		if err != nil {
			return err
		}
	}
	return out.Close()
}

func packOne(out *tar.Writer, name, as string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	link := ""
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if link, err = os.Readlink(name); err != nil {
			return err
		}
	case !mode.IsRegular() && !mode.IsDir():
		return fmt.Errorf("%s: only files, directories and symbolic links can be sent", name)
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = as, 0, 0, "root", "root"
	if err := out.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(out, file)
	return err
}

// unpack makes the files of an archive below root, whatever names it has in it. The first
// element of each is replaced by rename, if that is not empty.
func unpack(r io.Reader, root *os.Root, rename string) error {
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // tar's padding, lest the sender get SIGPIPE
			return err
		}
		if err != nil {
			return err
		}
		if err := unpackOne(in, h, root, renamed(h.Name, rename), renamed(h.Linkname, rename)); err != nil {
			return err
		}
	}
}

func renamed(name, top string) string {
	name = path.Clean(name)
	if top == "" {
		return name
	}
	_, rest, _ := strings.Cut(name, "/")
	return path.Join(top, rest)
}

func unpackOne(in io.Reader, h *tar.Header, root *os.Root, name, linked string) error {
	mode := fs.FileMode(h.Mode) & fs.ModePerm
	switch h.Typeflag {
	case tar.TypeDir:
		if err := root.Mkdir(name, mode|0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(linked, name)
	case tar.TypeReg:
	default:
		return fmt.Errorf("%s: only files, directories and symbolic links can be fetched", h.Name)
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, in); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return root.Chtimes(name, time.Time{}, h.ModTime)
}

// plumbing is a pipe between us and a program.
type plumbing struct {
	theirs *os.File
	ends   terminal     // what the program is wired to
	end    func() error // waits until our end is done, and says how it went
}

// feed gives what send writes to a program as its input.
func feed(t terminal, send func(io.Writer) error) (plumbing, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return plumbing{}, err
	}
	t.in = r
	return plumbing{r, t, begin(w, func() error { return send(w) })}, nil
}

// drain gives a program's output to take.
func drain(t terminal, take func(io.Reader) error) (plumbing, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return plumbing{}, err
	}
	t.out = w
	return plumbing{w, t, begin(r, func() error { return take(r) })}, nil
}

// begin does something with a file, which is closed then; wait returns how it went.
func begin(file *os.File, do func() error) (wait func() error) {
	ended := make(chan error, 1)
	go func() {
		err := do()
		file.Close()
		ended <- err
	}()
	return func() error { return <-ended }
}
