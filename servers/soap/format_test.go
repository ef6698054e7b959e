package soap

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/soap/client"
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

// What is on disks now must be readable for good.
func TestFiles_GoldenBytes(t *testing.T) {
	one := capability.Capability{Port: capability.Port{0xa0}, Object: 1, Rights: 2, Check: [16]byte{0xc0}}
	d := &directory{number: 7, secret: capability.Secret{0xd0}, seq: 9, life: 24, columns: []string{"owner"},
		rows: []std.SoapRow{{Name: "x", Set: client.Cap(one), Masks: []capability.Rights{0xff}, MtimeMs: 5}}}
	s := NewState(capability.Port{9}, capability.Secret{})
	s.Epoch, s.Seq, s.next = 1025, 3, 8
	s.done.add(0x77, status(std.Exists))
	r := record{serial: 4, promised: 1025, base: one, changes: map[uint64]capability.Capability{7: one, 8: none}, head: s.Head()}
	for name, got := range map[string][]byte{"directory.hex": d.encode(), "record.hex": r.encode(), "table.hex": encodeTable(map[uint64]capability.Capability{7: one})} {
		if want := golden(t, name); !bytes.Equal(got, want) {
			t.Errorf("%s: encoded\n%x, want\n%x", name, got, want)
		}
	}
	back, err := decodeRecord(golden(t, "record.hex"))
	if err != nil || back.serial != 4 || back.changes[7] != one || len(back.changes) != 2 {
		t.Errorf("%+v, %v", back, err)
	}
	if back, err := decodeDirectory(golden(t, "directory.hex")); err != nil || back.rows[0].Name != "x" || back.life != 24 {
		t.Errorf("%+v, %v", back, err)
	}
}

// Whatever a disk or another replica says, reading it ends, and what is taken is written
// as it was.
func FuzzFiles(f *testing.F) {
	b := newBench(&testing.T{})
	b.client().Mkdir("/a")
	file, _ := b.s.File(0)
	f.Add(file)
	f.Add(b.s.Head())
	f.Add(b.s.Snapshot())
	r := record{serial: 4, changes: map[uint64]capability.Capability{7: none}, head: b.s.Head()}
	f.Add(r.encode())
	f.Fuzz(func(t *testing.T, in []byte) {
		if d, err := decodeDirectory(in); err == nil && !bytes.Equal(d.encode(), in) {
			t.Errorf("%x became %x", in, d.encode())
		}
		s := NewState(capability.Port{9}, capability.Secret{})
		_ = s.LoadHead(in)
		_ = s.LoadSnapshot(in)
		if r, err := decodeRecord(in); err == nil {
			_, _ = decodeRecord(r.encode())
		}
		_, _ = decodeReport(in)
		if u, ok := DecodeUpdate(std.Header{}, in); ok && !bytes.Equal(u.Encode(), in) {
			t.Error("an update became another")
		}
	})
}
