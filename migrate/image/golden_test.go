package image_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"motile/migrate/image"
	"motile/tools/imagetest"
)

// samples are one of each record's payload.
func samples() []any {
	p := imagetest.Sample[image.Process]()
	p.Threads[0].FX = bytes.Repeat([]byte{0xf1}, 512) // what a thread takes at least
	return []any{p, imagetest.Sample[image.Object](), imagetest.Sample[image.RPC](),
		imagetest.Sample[image.Lineage](), imagetest.Sample[image.Segment](), imagetest.Sample[image.Content]()}
}

func TestRecords_GoldenBytes(t *testing.T) { imagetest.Golden(t, samples()...) }

func FuzzRecords(f *testing.F) { imagetest.Fuzz(f, samples()...) }

// container is what container.hex says.
func container() []byte {
	w := image.NewWriter()
	w.Add(image.Record{Type: image.TypeProcess, Required: true, Payload: []byte{0xa0}})
	w.Add(image.Record{Type: 99, Payload: []byte("later")})
	return w.Bytes()
}

// hexFile reads a file of bytes in hex, with comments.
func hexFile(t *testing.T, name string) []byte {
	text, err := os.ReadFile(name)
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
		t.Fatal(err)
	}
	return b
}

func TestContainer_GoldenBytes(t *testing.T) {
	want := hexFile(t, "testdata/container.hex")
	if got := container(); !bytes.Equal(got, want) {
		t.Errorf("encoded\n% x, want\n% x", got, want)
	}
	recs, err := image.Read(want)
	if err != nil || len(recs) != 2 || recs[0].Type != image.TypeProcess || !recs[0].Required || recs[1].Type != 99 || string(recs[1].Payload) != "later" {
		t.Errorf("%+v, %v", recs, err)
	}
	for n := range want {
		if _, err := image.Read(want[:n]); err == nil {
			t.Errorf("an image of its first %d bytes was accepted", n)
		}
	}
}

// What is read and written again is the same image.
func FuzzRead(f *testing.F) {
	f.Add(container())
	f.Add([]byte("MOTILEIM\x00\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		recs, err := image.Read(b)
		if err != nil {
			return
		}
		w := image.NewWriter()
		for _, r := range recs {
			w.Add(r)
		}
		again, err := image.Read(w.Bytes())
		if err != nil || len(again) != len(recs) {
			t.Fatalf("%d records became %d, %v", len(recs), len(again), err)
		}
		for i := range recs {
			if again[i].Type != recs[i].Type || again[i].Required != recs[i].Required || !bytes.Equal(again[i].Payload, recs[i].Payload) {
				t.Fatalf("record %d is another", i)
			}
		}
	})
}
