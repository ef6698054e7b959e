package checkpoints

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"motile/migrate/checkpoint"
	"motile/migrate/image"
	"motile/proc/api/client/clienttest"
)

var key = [32]byte{9}

// stopped is a process as it is written down.
func stopped(t *testing.T, generation uint64) (*image.Descriptor, func(*checkpoint.Writer) error) {
	t.Helper()
	p := clienttest.Stopped{PID: 7, Generation: generation, Runs: []uint64{0, 100}}
	d, err := image.Describe(p.Records())
	if err != nil {
		t.Fatal(err)
	}
	return d, func(w *checkpoint.Writer) error {
		for i, s := range d.Segments {
			for k := 0; k < len(s.Runs); k += 2 {
				for n := s.Runs[k]; n < s.Runs[k]+s.Runs[k+1]; n++ {
					if err := w.Pages(i, n, p.Page(i, n)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWrite_AllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.ckpt")
	d, fill := stopped(t, 1)
	stats, err := Write(path, &key, d, checkpoint.Options{}, fill)
	if err != nil || stats.Raw == 0 {
		t.Fatal(stats, err)
	}
	d, fill = stopped(t, 2)
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fill func(*checkpoint.Writer) error
		want error
		says string
	}{
		"the snapshot is lost": {func(w *checkpoint.Writer) error { _ = fill(w); return broken }, broken, "broken"},
		"pages are missing":    {func(*checkpoint.Writer) error { return nil }, nil, "is missing"},
		"the disk is full": {func(*checkpoint.Writer) error {
			return &os.PathError{Op: "write", Path: ".tmp", Err: syscall.ENOSPC}
		}, syscall.ENOSPC, "the process goes on"},
	} {
		if _, err := Write(path, &key, d, checkpoint.Options{}, c.fill); err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if list := names(t, dir); len(list) != 1 {
			t.Errorf("%s: there are %v", name, list)
		}
	}
	f, err := Open(path, &key)
	if err != nil || f.Lineage.Generation != 1 {
		t.Fatalf("the old one is not as it was: %v", err)
	}
	f.Close()
	if _, err := Write(path, &key, d, checkpoint.Options{}, fill); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path, &key); err != nil || f.Lineage.Generation != 2 {
		t.Fatal(err)
	}
	f.Close()
	if _, err := Write(filepath.Join(dir, "no", "such"), &key, d, checkpoint.Options{}, fill); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// A file system that is really full: /dev/full answers each write so.
func TestWrite_FullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	d, fill := stopped(t, 1)
	_, err = write(full, &key, d, checkpoint.Options{}, fill)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(explain("x.ckpt", err).Error(), "x.ckpt: no space left on the disk; the process goes on") {
		t.Error(err)
	}
}

func TestOpen_NamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ckpt")
	d, fill := stopped(t, 1)
	if _, err := Write(path, &key, d, checkpoint.Options{}, fill); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, &[32]byte{8})
	if !errors.Is(err, checkpoint.ErrKey) || !strings.HasPrefix(err.Error(), path) {
		t.Error(err)
	}
	b, _ := os.ReadFile(path)
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, &key); !errors.As(err, new(checkpoint.ChunkError)) {
		t.Error(err)
	}
}

func TestLedger(t *testing.T) {
	l := Ledger(filepath.Join(t.TempDir(), "state", "lineages"))
	a := image.Lineage{ID: [16]byte{1}, Generation: 5, PID: 7, Taken: 1_700_000_000e9}
	other := image.Lineage{ID: [16]byte{2}, Generation: 1}
	if err := l.Check(&a); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*image.Lineage{&a, &other} {
		if err := l.Note(c, "/tmp/five.ckpt"); err != nil {
			t.Fatal(err)
		}
	}
	older, newer := a, a
	older.Generation, newer.Generation = 4, 6
	var old *OldError
	if err := l.Check(&older); !errors.As(err, &old) || old.Last != 5 || !strings.Contains(err.Error(), "/tmp/five.ckpt") || !strings.Contains(err.Error(), "--old") {
		t.Error(err)
	}
	for _, c := range []*image.Lineage{&a, &newer, &other} {
		if err := l.Check(c); err != nil {
			t.Error(err)
		}
	}
	if err := l.Note(&older, "/tmp/four.ckpt"); err != nil {
		t.Fatal(err)
	}
	if l.Check(&older) == nil {
		t.Error("an old checkpoint that was restarted is the newest now")
	}
	if err := os.WriteFile(string(l), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(&a); err == nil || !strings.Contains(err.Error(), "lineages:1") {
		t.Error(err)
	}
	if err := l.Note(&a, "x"); err == nil {
		t.Error("what could not be read was written anew")
	}
}

// Several commands write at once: none of their lines is lost.
func TestLedger_IsShared(t *testing.T) {
	l := Ledger(filepath.Join(t.TempDir(), "lineages"))
	var work sync.WaitGroup
	for i := range 20 {
		work.Go(func() {
			if err := l.Note(&image.Lineage{ID: [16]byte{byte(i + 1)}, Generation: 2}, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	text, err := os.ReadFile(string(l))
	if err != nil || bytes.Count(text, []byte("\n")) != 20 {
		t.Errorf("%s%v", text, err)
	}
}

// It does not grow for ever.
func TestLedger_Forgets(t *testing.T) {
	l := Ledger(filepath.Join(t.TempDir(), "lineages"))
	entries := make([]entry, maxLineages)
	for i := range entries {
		entries[i] = entry{Lineage: strings.Repeat("0", 32), Generation: 1}
	}
	if err := l.write(entries); err != nil {
		t.Fatal(err)
	}
	if err := l.Note(&image.Lineage{ID: [16]byte{1}, Generation: 1}, "x"); err != nil {
		t.Fatal(err)
	}
	if entries, err := l.read(); err != nil || len(entries) != maxLineages || entries[maxLineages-1].Lineage[1] != '1' {
		t.Error(len(entries), err)
	}
}
