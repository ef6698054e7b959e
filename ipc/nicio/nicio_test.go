package nicio

import (
	"bytes"
	"os"
	"testing"

	"motile/ipc/internal/golden"
)

func TestGoldenBytes(t *testing.T) {
	raw := golden.Read(t, os.DirFS("testdata"), "frames.hex")
	frames := []string{"first", "", "third"}
	var b []byte
	for _, f := range frames {
		b = Append(b, []byte(f))
	}
	if !bytes.Equal(b, raw) {
		t.Errorf("encoded % x, want % x", b, raw)
	}
	for _, want := range frames {
		frame, rest, ok := Next(b)
		if !ok || string(frame) != want {
			t.Errorf("decoded %q, %v, want %q", frame, ok, want)
		}
		b = rest
	}
	if _, _, ok := Next(b); ok {
		t.Error("a frame behind the last")
	}
}

func FuzzNext(f *testing.F) {
	f.Add(Append(Append(nil, []byte("one")), []byte("two")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		for rest := b; ; {
			frame, more, ok := Next(rest)
			if !ok {
				break
			}
			again, rest = Append(again, frame), more
		}
		if !bytes.HasPrefix(b, again) {
			t.Errorf("% x became % x", b, again)
		}
	})
}
