package fileio

import (
	"bytes"
	"math"
	"os"
	"testing"

	"motile/ipc/internal/golden"
)

var testdata = os.DirFS("testdata")

func TestGoldenBytes(t *testing.T) {
	who := Who{PID: 1000007, PGID: 1000002, SID: 1000001, NoTTOU: true}
	raw := golden.Read(t, testdata, "who.hex")
	if got := who.Append(nil); !bytes.Equal(got, raw) {
		t.Errorf("encoded % x, want % x", got, raw)
	}
	if got, rest, ok := DecodeWho(append(raw, "data"...)); !ok || got != who || string(rest) != "data" {
		t.Errorf("decoded %+v, %q, %v", got, rest, ok)
	}
	status := Status{Mode: 0o100644, Rdev: 0x0500, Size: 70000, Ino: 77}
	raw = golden.Read(t, testdata, "status.hex")
	if got := status.Append(nil); !bytes.Equal(got, raw) {
		t.Errorf("encoded % x, want % x", got, raw)
	}
	if got, ok := DecodeStatus(raw); !ok || got != status {
		t.Errorf("decoded %+v, %v", got, ok)
	}
}

func TestRefusesWhatIsCutOff(t *testing.T) {
	for n := range WhoSize {
		if _, _, ok := DecodeWho(make([]byte, n)); ok {
			t.Errorf("a Who of %d bytes", n)
		}
	}
	for n := range StatSize {
		if _, ok := DecodeStatus(make([]byte, n)); ok {
			t.Errorf("a Status of %d bytes", n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Who{PID: 1, NoTTOU: true}.Append(nil))
	f.Add(Status{Mode: 1, Size: -1}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, rest, ok := DecodeWho(b); ok {
			if again, _, _ := DecodeWho(append(w.Append(nil), rest...)); again != w {
				t.Errorf("%+v became %+v", w, again)
			}
		}
		if s, ok := DecodeStatus(b); ok && !bytes.Equal(s.Append(nil), b[:StatSize]) {
			t.Errorf("% x became %+v", b, s)
		}
	})
}

func TestLockSpan(t *testing.T) {
	const einval, eoverflow, most = 22, 75, math.MaxInt64
	for _, test := range []struct {
		start, length, first, last int64
		errno                      int
	}{
		{10, 5, 10, 14, 0}, {10, 0, 10, most, 0}, {10, -3, 7, 9, 0}, {10, -10, 0, 9, 0},
		{0, most, 0, most - 1, 0}, {1, most, 1, most, 0}, {2, most, 0, 0, eoverflow},
		{-1, 5, 0, 0, einval}, {10, -11, 0, 0, einval}, {most, math.MinInt64, 0, 0, einval},
	} {
		first, last, errno := LockSpan(test.start, test.length)
		if first != test.first || last != test.last || errno != test.errno {
			t.Errorf("from %d, %d bytes: %d to %d, error %d; want %+v", test.start, test.length, first, last, errno, test)
		}
	}
	if LockLength(10, 14) != 5 || LockLength(10, most) != 0 {
		t.Error(LockLength(10, 14), LockLength(10, most))
	}
}
