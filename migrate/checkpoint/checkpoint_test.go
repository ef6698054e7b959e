package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"motile/migrate/image"
)

var key = [32]byte{7}

// small is a process with two segments and some of their pages.
func small(t testing.TB) *image.Descriptor {
	t.Helper()
	p := image.Process{PID: 5, Parent: 1, PGID: 5, SID: 5, Cwd: "/", TTY: -1, Log: -1, NextIndex: 1,
		Threads: image.Threads{{TID: 5, FX: make([]byte, 512)}},
		Regions: []image.Region{{Start: 0x400000, End: 0x800000, Prot: 3, Store: -1}, {Start: 0x900000, End: 0xa00000, Prot: 3, Store: -1}}}
	l := image.Lineage{ID: [16]byte{1}, Generation: 4, PID: 5, Node: 1}
	s := image.Segments{{Store: -1, Start: 0x400000, Size: 0x400000, Cap: make([]byte, 44), Runs: []uint64{1, 600}},
		{Store: -1, Start: 0x900000, Size: 0x100000, Cap: make([]byte, 44), Runs: []uint64{0, 2, 9, 1}}}
	var records []image.Record
	for _, r := range []struct {
		typ image.Type
		v   any
	}{{image.TypeProcess, p}, {image.TypeObjects, []image.Object(nil)}, {image.TypeRPC, image.RPC{}}, {image.TypeLineage, l}, {image.TypeSegments, s}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, image.Record{Type: r.typ, Required: true, Payload: b})
	}
	d, err := image.Describe(append(records, image.Record{Type: 99, Payload: []byte("later")}))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var program = bytes.Repeat([]byte("program"), 160_000)

// page is what is in a page of the small process: noise, text or zeros.
func page(segment int, n uint64) []byte {
	b := make([]byte, pageSize)
	switch r := rand.New(rand.NewPCG(uint64(segment), n)); {
	case n%5 == 0:
	case n%2 == 0:
		copy(b, fmt.Sprintf("page %d of segment %d", n, segment))
	default:
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

// write writes the small process to a file.
func write(t testing.TB, salt byte, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	d := small(t)
	w, err := NewWriter(&out, &key, [32]byte{salt}, d, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range d.Segments {
		for k := 0; k < len(s.Runs); k += 2 {
			var data []byte
			for n := range s.Runs[k+1] {
				data = append(data, page(i, s.Runs[k]+n)...)
			}
			first := s.Runs[k]
			half := len(data) / pageSize / 2 * pageSize // in two pieces
			for _, piece := range [][]byte{data[:half], data[half:]} {
				if err := w.Pages(i, first, piece); err != nil {
					t.Fatal(err)
				}
				first += uint64(len(piece) / pageSize)
			}
		}
	}
	if err := w.File(sha256.Sum256(program), "/bin/program", int64(len(program)), bytes.NewReader(program)); err != nil {
		t.Fatal(err)
	}
	if err := w.File(sha256.Sum256(nil), "/etc/empty", 0, bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Stats.Bytes != int64(out.Len()) {
		t.Errorf("%d bytes, counted %d", out.Len(), w.Stats.Bytes)
	}
	return out.Bytes()
}

func TestFile_IsReadAsItWasWritten(t *testing.T) {
	for _, o := range []Options{{}, {Compress: true}} {
		b := write(t, 1, o)
		c, err := Open(bytes.NewReader(b), &key)
		if err != nil {
			t.Fatal(err)
		}
		want := small(t)
		if !reflect.DeepEqual(c.Process, want.Process) || c.Lineage.Generation != 4 || len(c.Segments) != 2 || len(c.Segments[0].Cap) != 0 {
			t.Errorf("%+v", c.Descriptor)
		}
		if len(c.Others) != 1 || c.Others[0].Type != 99 {
			t.Errorf("unknown records are %v", c.Others)
		}
		n := 0
		err = c.Pages(func(segment int, first, count uint64, data []byte) error {
			for i := range count {
				w := page(segment, first+i)
				if n++; data == nil && !isZero(w) || data != nil && !bytes.Equal(data[i*pageSize:(i+1)*pageSize], w) {
					return fmt.Errorf("page %d of segment %d is another", first+i, segment)
				}
			}
			return nil
		})
		if err != nil || n != 603 || c.Stats.Zero != 121 || (c.Stats.LZ4 > 0) != o.Compress || c.Stats.Raw+c.Stats.LZ4+c.Stats.Zero != n {
			t.Errorf("%d pages, %v: %+v", n, err, c.Stats)
		}
		if f, ok := c.Has(sha256.Sum256(program)); !ok || f.Path != "/bin/program" {
			t.Errorf("%+v", c.Files)
		}
		if got, err := c.Content(sha256.Sum256(program)); err != nil || !bytes.Equal(got, program) {
			t.Errorf("%d bytes of the program, %v", len(got), err)
		}
		if bytes.Contains(b, []byte("programprogram")) || bytes.Contains(b, []byte("of segment")) {
			t.Error("the text shows through")
		}
	}
}

// Whatever is done to a file, nobody is told that it is one.
func TestOpen_RefusesWhatWasTamperedWith(t *testing.T) {
	good := write(t, 1, Options{})
	other := write(t, 2, Options{})
	whole := chunkSize + tagSize
	chunk := func(b []byte, n int) []byte { return b[headerSize+n*whole : headerSize+(n+1)*whole] }
	chunks := (len(good) - headerSize) / whole
	if chunks < 10 || len(other) != len(good) {
		t.Fatalf("%d chunks", chunks)
	}
	refused := func(name string, b []byte, key [32]byte, want error) {
		t.Helper()
		if _, err := Open(bytes.NewReader(b), &key); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	refused("another key", good, [32]byte{8}, ErrKey)
	refused("nothing", nil, key, ErrNotCheckpoint)
	refused("something else", []byte(strings.Repeat("MOTILEIM", 20)), key, ErrNotCheckpoint)
	refused("a later version", append([]byte("MOTILECK\x00\x02"), good[10:]...), key, nil)
	for i := range headerSize {
		b := bytes.Clone(good)
		b[i] ^= 4
		refused(fmt.Sprintf("byte %d of the header", i), b, key, nil)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 40 {
		b := bytes.Clone(good)
		at := headerSize + r.IntN(len(good)-headerSize)
		b[at] ^= 1 << r.IntN(8)
		refused(fmt.Sprintf("a bit of byte %d", at), b, key, ChunkError((at-headerSize)/whole))
	}
	for range 20 {
		n := r.IntN(len(good))
		refused(fmt.Sprintf("the first %d bytes", n), good[:n], key, nil)
	}
	for n := range chunks {
		refused(fmt.Sprintf("the first %d chunks", n), good[:headerSize+n*whole], key, ErrCutShort)
	}
	swapped := bytes.Clone(good)
	copy(chunk(swapped, 2), chunk(good, 3))
	copy(chunk(swapped, 3), chunk(good, 2))
	refused("two chunks swapped", swapped, key, ChunkError(2))
	repeated := append(bytes.Clone(good[:headerSize+3*whole]), good[headerSize+2*whole:]...)
	refused("a chunk repeated", repeated, key, ChunkError(3))
	left := append(bytes.Clone(good[:headerSize+3*whole]), good[headerSize+4*whole:]...)
	refused("a chunk left out", left, key, ChunkError(3))
	mixed := bytes.Clone(good)
	copy(chunk(mixed, 4), chunk(other, 4))
	refused("a chunk of another file", mixed, key, ChunkError(4))
	refused("another file's header", append(bytes.Clone(other[:headerSize]), good[headerSize:]...), key, ChunkError(0))
	refused("two files in one", append(bytes.Clone(good), good...), key, nil)
	refused("a byte more", append(bytes.Clone(good), 0), key, nil)
}

// What is authentic and makes no sense all the same is refused as well: a key does not
// make a program right.
func TestOpen_RefusesWhatMakesNoSense(t *testing.T) {
	d := small(t)
	sealed := func(write func(e *image.Encoder)) *bytes.Reader {
		var out bytes.Buffer
		s := newSealer(&out, &key, [32]byte{3})
		e := image.NewEncoder(s)
		write(e)
		if err := errors.Join(e.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(out.Bytes())
	}
	records, _ := d.Records(d.Segments)
	meta := func(e *image.Encoder) {
		for _, r := range records {
			_ = e.Add(r)
		}
	}
	pages := func(e *image.Encoder, p image.Pages) {
		_ = e.Add(image.Record{Type: image.TypePages, Required: true, Payload: p.Encode()})
	}
	allPages := func(e *image.Encoder) {
		pages(e, image.Pages{Encoding: image.Zero, First: 1, Count: 600})
		pages(e, image.Pages{Segment: 1, Encoding: image.Zero, Count: 2})
		pages(e, image.Pages{Segment: 1, Encoding: image.Zero, First: 9, Count: 1})
	}
	file := func(e *image.Encoder, c image.Content) {
		b, _ := image.Marshal(c)
		_ = e.Add(image.Record{Type: image.TypeContent, Payload: b})
	}
	digest := sha256.Sum256([]byte("abcd"))
	for name, c := range map[string]struct {
		write func(e *image.Encoder)
		says  string
	}{
		"nothing":         {func(*image.Encoder) {}, "process record: is missing"},
		"pages first":     {func(e *image.Encoder) { allPages(e); meta(e) }, "process record"},
		"no pages":        {meta, "pages record: page 1 of segment 0 is missing"},
		"metadata behind": {func(e *image.Encoder) { meta(e); allPages(e); _ = e.Add(records[0]) }, "process record: comes behind pages"},
		"another page":    {func(e *image.Encoder) { meta(e); pages(e, image.Pages{Encoding: image.Zero, First: 9, Count: 1}) }, "pages record"},
		"an lz4 bomb": {func(e *image.Encoder) {
			meta(e)
			pages(e, image.Pages{Encoding: image.LZ4, First: 1, Count: 256, Data: []byte{0xff, 0xff, 0xff}})
		}, "lz4 block"},
		"half a file": {func(e *image.Encoder) {
			meta(e)
			allPages(e)
			file(e, image.Content{Digest: digest[:], Path: "/x", Size: 4, Data: []byte("ab")})
		}, "file record"},
		"another file": {func(e *image.Encoder) {
			meta(e)
			allPages(e)
			file(e, image.Content{Digest: digest[:], Path: "/x", Size: 4, Data: []byte("abce")})
		}, "file record"},
		"a file twice": {func(e *image.Encoder) {
			meta(e)
			allPages(e)
			file(e, image.Content{Digest: digest[:], Path: "/x", Size: 4, Data: []byte("abcd")})
			file(e, image.Content{Digest: digest[:], Path: "/x", Size: 4, Data: []byte("abcd")})
		}, "is there twice"},
		"an unknown record": {func(e *image.Encoder) {
			_ = e.Add(image.Record{Type: 500, Required: true})
			meta(e)
			allPages(e)
		}, "type 500"},
	} {
		if _, err := Open(sealed(c.write), &key); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(sealed(func(e *image.Encoder) { meta(e); allPages(e) }), &key); err != nil {
		t.Error(err)
	}
}

// full is a disk with room for some bytes.
type full int

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriter_SaysThatTheDiskIsFull(t *testing.T) {
	d := small(t)
	for _, room := range []full{0, 10, 100_000, 1_000_000} {
		w, err := NewWriter(&room, &key, [32]byte{}, d, Options{})
		if err == nil {
			err = w.Pages(0, 1, bytes.Repeat([]byte{1}, 600*pageSize))
		}
		if err == nil {
			err = w.Pages(1, 0, make([]byte, 2*pageSize))
		}
		if err == nil {
			err = w.Pages(1, 9, make([]byte, pageSize))
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("%d: %v", room, err)
		}
	}
}

func TestWriter_WantsAllPages(t *testing.T) {
	w, err := NewWriter(io.Discard, &key, [32]byte{}, small(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Close() == nil || w.File([32]byte{}, "/x", 0, bytes.NewReader(nil)) == nil || w.Pages(1, 0, make([]byte, pageSize)) == nil {
		t.Error("a checkpoint without its pages was ended")
	}
}

// Whoever has no key cannot make a file that opens; whoever changes one neither.
func FuzzOpen(f *testing.F) {
	good := write(f, 1, Options{Compress: true})
	f.Add(good[:headerSize+100])
	f.Add(good)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Open(bytes.NewReader(b), &key); err == nil && !bytes.Equal(b, good) {
			t.Error("opened")
		}
	})
}

// An authentic file with anything in it.
func FuzzSealedImage(f *testing.F) {
	b := write(f, 1, Options{})
	o, err := newOpener(bytes.NewReader(b), &key)
	if err != nil {
		f.Fatal(err)
	}
	text, err := io.ReadAll(o)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[:3000])
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		s := newSealer(&out, &key, [32]byte{9})
		_, _ = s.Write(text)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := Open(bytes.NewReader(out.Bytes()), &key)
		if err != nil {
			return
		}
		if err := c.Pages(func(int, uint64, uint64, []byte) error { return nil }); err != nil {
			t.Errorf("opened, and cannot be read: %v", err)
		}
	})
}

// What is sealed and opened again is the same, at all lengths about that of a chunk.
func TestSealer_Lengths(t *testing.T) {
	for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2*chunkSize - tagSize, 2 * chunkSize, 3*chunkSize + 5} {
		text := bytes.Repeat([]byte{byte(n), 3}, n)[:n]
		var out bytes.Buffer
		s := newSealer(&out, &key, [32]byte{byte(n)})
		for p := text; len(p) > 0; {
			k := min(len(p), 1000)
			_, _ = s.Write(p[:k])
			p = p[k:]
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		o, err := newOpener(&out, &key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes became %d, %v", n, len(got), err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	d := small(b)
	data := bytes.Repeat([]byte("not zero, "), 600*pageSize/10+1)[:600*pageSize]
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		w, err := NewWriter(io.Discard, &key, [32]byte{}, d, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Pages(0, 1, data); err != nil {
			b.Fatal(err)
		}
	}
}
