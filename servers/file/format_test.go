package file

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"motile/ipc/capability"
)

// golden reads annotated hex.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(name, err)
	}
	return b
}

// sample has all that storage has. It names files that have so many copies.
func sample(copies int) (r root, index uint64, records []record, j journalRecord) {
	var files File
	for i := range copies {
		files[i] = capability.Capability{Port: capability.Port{0xa0 + byte(i)}, Object: 1 + uint64(i), Rights: 2, Check: [16]byte{0xc0}}
	}
	h := head{stamp: 0x51, last: 300, boots: []boot{{node: 2, boot: 0xb2}}}
	r = root{claim: 5, life: 4, seq: 9, head: h, parts: []part{{index: 1, file: files}}}
	records = []record{
		{number: 260, secret: capability.Secret{0xd0}, mode: 0o40755, nlink: 2, mtime: 1, atime: 2, ctime: 3, cookie: 8, removed: []uint64{6}, names: []nameRecord{{8, 261, "x"}}},
		{number: 261, secret: capability.Secret{0xd1}, mode: 0o100644, nlink: 1, mtime: 1, atime: 2, ctime: 3, size: 65540, target: "t", offsets: []offset{{[16]byte{0xe0}, 7}}, cutOff: 1,
			blocks: []blockRecord{{index: 0, size: 512, file: files}, {index: 1, size: 4, data: []byte("data")}}},
	}
	return r, 1, records, journalRecord{life: 4, seq: 9, head: h, gone: []uint64{259}, records: records}
}

// What is on disks now must be readable for good.
func TestFormat_GoldenBytes(t *testing.T) {
	for _, version := range []int{1, 2} {
		suffix := []string{".hex", "-v2.hex"}[version-1] // files have one copy in version 1
		r, index, records, j := sample(version)
		if version == formatVersion {
			for name, got := range map[string][]byte{"root": r.encode(), "part": encodePart(index, records), "journal": j.encode()} {
				if want := golden(t, name+suffix); !bytes.Equal(got, want) {
					t.Errorf("%s: encoded\n%x, want\n%x", name, got, want)
				}
			}
		}
		if back, err := decodeRoot(golden(t, "root"+suffix)); err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("version %d: %+v, %v", version, back, err)
		}
		if i, back, err := decodePart(golden(t, "part"+suffix)); err != nil || i != index || !reflect.DeepEqual(back, records) {
			t.Errorf("version %d: %+v, %v", version, back, err)
		}
		if back, err := decodeJournal(golden(t, "journal"+suffix)); err != nil || !reflect.DeepEqual(back, j) {
			t.Errorf("version %d: %+v, %v", version, back, err)
		}
	}
}

// Every byte that is not as it was written is found, and another version is said to be one.
func TestFormat_Damage(t *testing.T) {
	r, _, _, j := sample(2)
	for i, b := range r.encode() {
		x := r.encode()
		x[i] = b ^ 1
		if _, err := decodeRoot(x); i == 4 && !errors.Is(err, ErrVersion) || i != 4 && !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	for n := range j.encode() {
		if _, err := decodeJournal(j.encode()[:n]); err == nil {
			t.Errorf("%d bytes are taken for a record", n)
		}
	}
}

// Whatever storage has, reading it ends; what is taken is written as it was, and a tree
// that comes of it is one.
func FuzzFormat(f *testing.F) {
	r, index, records, j := sample(2)
	for _, b := range [][]byte{r.encode(), encodePart(index, records), j.encode()} {
		f.Add(b[5 : len(b)-4])
	}
	store := newSimStore(1)
	l := start(f, store, 1)
	for range 60 {
		l.act()
	}
	if err := l.commit(true); err != nil {
		f.Fatal(err)
	}
	for _, x := range store.files {
		if x.tag == TagPart {
			f.Add(x.data[5 : len(x.data)-4])
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, magic := range []string{rootMagic, partMagic, journalMagic} { // what disks have of before
			b := seal(append([]byte(magic+"\x01"), in...))
			_, _ = decodeRoot(b)
			_, _, _ = decodePart(b)
			_, _ = decodeJournal(b)
		}
		as := func(magic string) []byte { return seal(append([]byte(magic+"\x02"), in...)) }
		if r, err := decodeRoot(as(rootMagic)); err == nil && !bytes.Equal(r.encode(), as(rootMagic)) {
			t.Error("a root became another")
		}
		var r root
		r.last = 1 << 40
		if index, records, err := decodePart(as(partMagic)); err == nil {
			if !bytes.Equal(encodePart(index, records), as(partMagic)) {
				t.Error("a part became another")
			}
			ld := load(simConfig(1), &r, store.disks)
			if ld.part(records) == nil {
				if s, err := ld.end(); err == nil {
					isTree(t, s)
				}
			}
		}
		if j, err := decodeJournal(as(journalMagic)); err == nil {
			if !bytes.Equal(j.encode(), as(journalMagic)) {
				t.Error("a record became another")
			}
			ld := load(simConfig(1), &r, store.disks)
			err := ld.journal(&j)
			if again := ld.journal(&j); err == nil && again == nil {
				if s, err := ld.end(); err == nil {
					isTree(t, s)
				}
			}
		}
	})
}

// isTree walks a server's tree.
func isTree(t *testing.T, s *Server) {
	seen := map[*inode]bool{}
	var walk func(n *inode)
	walk = func(n *inode) {
		if n.isDir() {
			if seen[n] {
				t.Fatal("a directory has two names")
			}
			seen[n] = true
		}
		for _, e := range n.list {
			if e.node == nil || n.names[e.name] != e {
				t.Fatal("a name leads nowhere")
			}
			walk(e.node)
		}
	}
	walk(s.root)
	for _, n := range s.inodes {
		if n.isReg() {
			n.content.truncate(0)
		}
	}
}

// Storage that is not as it should be is refused, and left as it is.
func TestOpen_Refuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(store *simStore, k *Keeper)
		says   string
	}{
		{"a damaged part", func(s *simStore, k *Keeper) { s.files[k.parts[0][0]].data[20] ^= 1 }, "part 0 of the table of inodes: what is on storage is damaged"},
		{"a missing part", func(s *simStore, k *Keeper) { delete(s.files, k.parts[0][0]) }, "part 0"},
		{"a damaged record", func(s *simStore, k *Keeper) { s.files[k.journal[0][0]].data[20] ^= 1 }, "a record of the journal"},
		{"a missing record", func(s *simStore, k *Keeper) { delete(s.files, k.journal[0][0]) }, "record 0 of the journal is not there, and 1 is"},
		{"a later version", func(s *simStore, k *Keeper) { s.files[k.anchor[0]].data[4] = 9 }, "of another version: 9"},
		{"a directory server without directories", func(s *simStore, k *Keeper) { s.anchor = File{} }, "the directory server does not know them"},
		{"no root", func(s *simStore, k *Keeper) { delete(s.files, k.anchor[0]) }, "the root"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newSimStore(1)
			l := start(t, store, 1)
			l.commits(3, 20, 0)
			c.damage(store, l.keeper)
			before := len(store.files)
			_, _, err := Open(store, simConfig(2))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("it says %v", err)
			}
			if len(store.files) < before {
				t.Error("something was removed")
			}
		})
	}
}
