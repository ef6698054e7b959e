package pcapng

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// capture is a file of three frames on two interfaces.
func capture(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pcapng")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"n1", "n2", "n1"} {
		if err := w.Write(name, time.Unix(1_800_000_000, int64(i)), bytes.Repeat([]byte{byte(i)}, 60+i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads frames until there are no more, or an error.
func readAll(b []byte) (packets []Packet, err error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
}

func TestReader(t *testing.T) {
	got, err := readAll(capture(t))
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for i, name := range []string{"n1", "n2", "n1"} {
		if p := got[i]; p.Interface != name || p.Time.UnixNano() != 1_800_000_000e9+int64(i) || len(p.Frame) != 60+i {
			t.Errorf("%+v", p)
		}
	}
}

// A file that ends anywhere but between two blocks is cut off, and said to be.
func TestReader_CutOff(t *testing.T) {
	whole := capture(t)
	good := 0
	for n := range whole {
		if _, err := readAll(whole[:n]); err == nil {
			good++
		} else if n < 28 && !errors.Is(err, ErrNotCapture) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	// Between blocks: two interfaces and two frames come after the first header.
	if good > 4 {
		t.Errorf("%d beginnings of the file are whole files", good)
	}
}

// The older format has one interface without a name.
func TestReader_OldFormat(t *testing.T) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(`
		d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000
		00d2496b 01000000 0e000000 0e000000 ffffffffffff 52544d000001 8146
	`), ""))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(b)
	if err != nil || len(got) != 1 || got[0].Interface != "" || len(got[0].Frame) != 14 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := readAll(b[:len(b)-1]); err == nil {
		t.Error("without its last byte it is whole")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(capture(f))
	f.Add([]byte{0xd4, 0xc3, 0xb2, 0xa1})
	f.Fuzz(func(t *testing.T, b []byte) {
		packets, _ := readAll(b)
		for i := range packets {
			if len(packets[i].Frame) > len(b) {
				t.Fatal("a frame longer than the file")
			}
			Describe(packets[i].Frame)
		}
	})
}
