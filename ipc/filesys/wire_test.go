package filesys

import (
	"bytes"
	"os"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/internal/golden"
)

var testdata = os.DirFS("testdata")

func samples() map[string]interface{ Append([]byte) []byte } {
	return map[string]interface{ Append([]byte) []byte }{
		"place": &Place{Root: 7, Path: "a/b"},
		"two": &Two{From: Place{Root: 7, Path: "a"}, Object: 9, Rights: 3, Check: [16]byte{1, 15: 2},
			To: Place{Root: 7, Path: "b"}},
		"opener":   &Opener{Node: 3, Boot: 0x1122334455667788, Seq: 12},
		"held":     &Held{Object: 9, Check: [16]byte{1, 15: 2}, Rights: 3, Write: true, Upto: 12, From: 2, Lock: [16]byte{3, 15: 4}, PIDs: []int32{1000002}},
		"change":   &Change{Mask: SetMode | SetSize, Mode: 0o640, Mtime: 1, Atime: 2, Size: 4096},
		"found":    &Found{Attr: sampleAttr, Grant: 77, Path: "a/b"},
		"way":      &Way{Which: 1, Root: 7, Path: "/etc"},
		"entry":    &Entry{Object: 9, Next: 4, Type: 8, Name: "x"},
		"written":  &Written{Version: 5, Size: 70000, Mtime: 3},
		"recalled": &Recalled{Port: capability.Port{1, 15: 2}, Stamp: 78},
		"shared":   &Shared{ID: [16]byte{7, 15: 8}, Start: 4096},
		"lock": &LockAsk{LockOwner: LockOwner{PID: 1000002, ID: [16]byte{3, 15: 4}}, Test: true, Whole: true, End: true, Type: 1,
			Start: -1, Len: 2, At: 3},
		"unlocked": &Unlocked{LockOwner: LockOwner{PID: 1000002, ID: [16]byte{3, 15: 4}}, Upto: -1},
		"room":     &Room{Total: 1 << 30, Free: 1 << 20, Files: 12},
	}
}

var sampleAttr = Attr{Object: 9, Mode: 0o100644, Nlink: 1, Size: 70000, Mtime: 1, Atime: 2, Ctime: 3, Version: 5}

// decodeAll tries every decoder on b and encodes again what it has read.
func decodeAll(b []byte, check func(name string, again []byte, read int)) {
	if v, rest, ok := DecodePlace(b); ok {
		check("place", v.Append(nil), len(b)-len(rest))
	}
	if v, ok := DecodeTwo(b); ok {
		check("two", v.Append(nil), len(b))
	}
	if v, rest, ok := DecodeOpener(b); ok {
		check("opener", v.Append(nil), len(b)-len(rest))
	}
	if v, rest, ok := DecodeHeld(b); ok {
		check("held", v.Append(nil), len(b)-len(rest))
	}
	if v, rest, ok := DecodeChange(b); ok {
		check("change", v.Append(nil), len(b)-len(rest))
	}
	if v, ok := DecodeFound(b); ok {
		check("found", v.Append(nil), len(b))
	}
	if v, ok := DecodeWay(b); ok {
		check("way", v.Append(nil), len(b))
	}
	if v, rest, ok := DecodeEntry(b); ok {
		check("entry", v.Append(nil), len(b)-len(rest))
	}
	if v, rest, ok := DecodeWritten(b); ok {
		check("written", v.Append(nil), len(b)-len(rest))
	}
	if v, ok := DecodeRecalled(b); ok {
		check("recalled", v.Append(nil), len(b))
	}
	if v, rest, ok := DecodeShared(b); ok {
		check("shared", v.Append(nil), len(b)-len(rest))
	}
	if v, ok := DecodeLock(b); ok {
		check("lock", v.Append(nil), len(b))
	}
	if v, ok := DecodeUnlocked(b); ok {
		check("unlocked", v.Append(nil), len(b))
	}
	if v, ok := DecodeRoom(b); ok {
		check("room", v.Append(nil), len(b))
	}
}

func TestGoldenBytes(t *testing.T) {
	for name, v := range samples() {
		raw := golden.Read(t, testdata, name+".hex")
		if got := v.Append(nil); !bytes.Equal(got, raw) {
			t.Errorf("%s: encoded % x, want % x", name, got, raw)
		}
		found := false
		decodeAll(raw, func(as string, again []byte, read int) {
			if as == name {
				found = read == len(raw) && bytes.Equal(again, raw)
			}
		})
		if !found {
			t.Errorf("%s: does not come back", name)
		}
		for n := range raw {
			decodeAll(raw[:n], func(as string, _ []byte, _ int) {
				if as == name {
					t.Errorf("%s: decoded of %d bytes of %d", name, n, len(raw))
				}
			})
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range samples() {
		f.Add(v.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decodeAll(b, func(name string, again []byte, read int) {
			if !bytes.Equal(again, b[:read]) {
				t.Errorf("%s: % x became % x", name, b[:read], again)
			}
		})
	})
}
