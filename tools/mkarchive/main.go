// Command mkarchive writes a boot archive: a newc cpio whose regular files have
// their data page-aligned, so that the kernel maps them where they lie, and a
// manifest of their SHA-256 digests, so that a process that moves finds the same
// file on the other node by content.
//
//	mkarchive -o OUT SPEC...
//
// A SPEC is one of
//
//	dir:PATH
//	file:PATH=SOURCE     mode 0755 if SOURCE is executable, else 0644
//	private:PATH=SOURCE  mode 0600
//	link:PATH=TARGET
//	applets:DIR=BUSYBOX  a link in DIR for every applet BUSYBOX lists, unless the
//	                     name is taken; BUSYBOX itself becomes DIR/busybox
//
// Parent directories are made as needed. The same input gives the same bytes.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"sort"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// manifestName must be what kernel/fs reads.
const manifestName = "etc/motile/digests"

type archive struct {
	entries map[string]entry // by path without leading slash
}

type entry struct {
	mode   uint64
	data   []byte
	target string
}

const (
	typeDir  = 0o040000
	typeReg  = 0o100000
	typeLink = 0o120000
)

func main() {
	out := flag.String("o", "", "archive to write")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mkarchive -o OUT SPEC...")
		os.Exit(2)
	}
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mkarchive:", err)
		os.Exit(1)
	}
}

func run(out string, specs []string) error {
	a := &archive{entries: make(map[string]entry)}
	for _, s := range specs {
		if err := a.add(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	a.addManifest()
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := a.write(f); err != nil {
		return err
	}
	return f.Close()
}

func (a *archive) add(spec string) error {
	kind, rest, ok := strings.Cut(spec, ":")
	if !ok {
		return fmt.Errorf("want KIND:PATH")
	}
	name, source, _ := strings.Cut(rest, "=")
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	switch kind {
	case "dir":
		return a.put(name, entry{mode: typeDir | 0o755})
	case "file", "private":
		return a.file(name, source, kind == "private")
	case "link":
		return a.put(name, entry{mode: typeLink | 0o777, target: source})
	case "applets":
		return a.applets(name, source)
	}
	return fmt.Errorf("unknown kind %q", kind)
}

func (a *archive) file(name, source string, private bool) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	st, err := os.Stat(source)
	if err != nil {
		return err
	}
	mode := uint64(0o644)
	switch {
	case private:
		mode = 0o600
	case st.Mode()&0o111 != 0:
		mode = 0o755
	}
	return a.put(name, entry{mode: typeReg | mode, data: data})
}

func (a *archive) applets(dir, busybox string) error {
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("asking for its applets: %w", err)
	}
	if err := a.file(path.Join(dir, "busybox"), busybox, false); err != nil {
		return err
	}
	for _, applet := range strings.Fields(string(list)) {
		name := path.Join(dir, applet)
		if _, taken := a.entries[name]; taken {
			continue
		}
		if err := a.put(name, entry{mode: typeLink | 0o777, target: "busybox"}); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) put(name string, e entry) error {
	if old, ok := a.entries[name]; ok && (old.mode != e.mode || e.mode&typeDir == 0) {
		return fmt.Errorf("%s is there twice", name)
	}
	if dir := path.Dir(name); dir != "." {
		if _, ok := a.entries[dir]; !ok {
			if err := a.put(dir, entry{mode: typeDir | 0o755}); err != nil {
				return err
			}
		}
	}
	a.entries[name] = e
	return nil
}

func (a *archive) names() []string {
	names := make([]string, 0, len(a.entries))
	for n := range a.entries {
		names = append(names, n)
	}
	sort.Strings(names) // a directory sorts before what is in it
	return names
}

func (a *archive) addManifest() {
	var m bytes.Buffer
	for _, n := range a.names() {
		if e := a.entries[n]; e.mode&0o170000 == typeReg {
			fmt.Fprintf(&m, "%x %s\n", sha256.Sum256(e.data), n)
		}
	}
	_ = a.put(manifestName, entry{mode: typeReg | 0o644, data: m.Bytes()})
}

const (
	pageSize   = 4096
	newcHeader = 110
)

func (a *archive) write(w io.Writer) error {
	count := &counter{w: w}
	cw := cpio.Newc.Writer(count)
	for i, n := range a.names() {
		e := a.entries[n]
		name := n
		if e.mode&0o170000 == typeReg && len(e.data) >= pageSize {
			name = pad(n, count.n)
		}
		rec := cpio.StaticRecord(e.data, cpio.Info{Ino: uint64(i + 1), Mode: e.mode, NLink: 1, Name: name})
		if e.mode&0o170000 == typeLink {
			rec = cpio.StaticRecord([]byte(e.target), cpio.Info{Ino: uint64(i + 1), Mode: e.mode, NLink: 1, Name: name})
		}
		if err := cw.WriteRecord(rec); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return cpio.WriteTrailer(cw)
}

// pad appends NULs to a name until the data of an entry that starts at offset
// at is page-aligned. Readers of newc stop at the first NUL.
func pad(name string, at int) string {
	at = (at + 3) &^ 3
	for (at+newcHeader+len(name)+1+3)&^3%pageSize != 0 {
		name += "\x00"
	}
	return name
}

type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}
