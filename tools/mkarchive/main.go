package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"motile/tools/mkarchive/archive"
)

func main() {
	out := flag.String("o", "", "archive to write")
	base := flag.String("base", "", "archive to start from")
	flag.Usage = usage
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		usage()
		os.Exit(2)
	}
	if err := run(*base, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mkarchive:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: mkarchive [-base ARCHIVE] -o OUT SPEC...")
}

func run(base, out string, specs []string) error {
	a := archive.New()
	if base != "" {
		data, err := os.ReadFile(base)
		if err != nil {
			return err
		}
		if a, err = archive.Read(data); err != nil {
			return fmt.Errorf("%s: %w", base, err)
		}
	}
	for _, s := range specs {
		if err := add(a, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return a.WriteFile(out)
}

func add(a *archive.Archive, spec string) error {
	kind, rest, ok := strings.Cut(spec, ":")
	if !ok {
		return errors.New("want KIND:PATH")
	}
	name, source, given := strings.Cut(rest, "=")
	if kind != "dir" && source == "" {
		return fmt.Errorf("want %s:PATH=SOURCE", kind)
	}
	switch kind {
	case "dir":
		if given {
			return errors.New("a directory has no source")
		}
		return a.Dir(name)
	case "file":
		return file(a, name, source)
	case "private":
		data, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		return a.File(name, 0o600, data)
	case "tree":
		return tree(a, name, source)
	case "link":
		return a.Link(name, source)
	case "applets":
		return applets(a, name, source)
	}
	return fmt.Errorf("unknown kind %q", kind)
}

func file(a *archive.Archive, name, source string) error {
	st, err := os.Stat(source)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	perm := uint32(0o644)
	if st.Mode()&0o111 != 0 {
		perm = 0o755
	}
	return a.File(name, perm, data)
}

func tree(a *archive.Archive, dir, source string) error {
	if err := a.Dir(dir); err != nil {
		return err
	}
	files, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, f := range files {
		add := file
		switch f.Type() {
		case os.ModeDir:
			add = tree
		case os.ModeSymlink:
			add = link
		}
		if err := add(a, path.Join(dir, f.Name()), filepath.Join(source, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

func link(a *archive.Archive, name, source string) error {
	target, err := os.Readlink(source)
	if err != nil {
		return err
	}
	return a.Link(name, target)
}

func applets(a *archive.Archive, dir, busybox string) error {
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("asking for its applets: %w", err)
	}
	if err := file(a, path.Join(dir, "busybox"), busybox); err != nil {
		return err
	}
	for applet := range strings.FieldsSeq(string(list)) {
		name := path.Join(dir, applet)
		if a.Has(name) {
			continue
		}
		if err := a.Link(name, "busybox"); err != nil {
			return err
		}
	}
	return nil
}
