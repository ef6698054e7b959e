package image_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"motile/migrate/image"
)

var writeGolden = flag.Bool("write-golden", false, "write the golden image of the present version")

// records are those of a container, read as a stream.
func records(t testing.TB, b []byte) []image.Record {
	t.Helper()
	d, err := image.NewDecoder(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var recs []image.Record
	for {
		r, err := d.Next()
		if err == io.EOF {
			return recs
		}
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, r)
	}
}

// present is the specimen as an image of the present version on disk.
func present(t testing.TB) []byte {
	p, objects, state := specimen()
	lineage, segments := checkpoint()
	var out bytes.Buffer
	e := image.NewEncoder(&out)
	add := func(typ image.Type, required bool, payload []byte, err error) {
		if err == nil {
			err = e.Add(image.Record{Type: typ, Required: required, Payload: payload})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	meta := func(typ image.Type, v any) {
		b, err := image.Marshal(v)
		add(typ, true, b, err)
	}
	meta(image.TypeProcess, p)
	meta(image.TypeObjects, objects)
	meta(image.TypeRPC, state)
	meta(image.TypeLineage, lineage)
	meta(image.TypeSegments, segments)
	for _, pg := range pages() {
		add(image.TypePages, true, pg.Encode(), nil)
	}
	content, err := image.Marshal(image.Content{Digest: p.Stores[0].Digest, Path: "/bin/counter", Size: 4, Data: []byte("\x7fELF")})
	add(image.TypeContent, false, content, err)
	add(900, false, []byte("of a later version"), nil)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pages are those of the specimen's segments.
func pages() []image.Pages {
	raw := bytes.Repeat([]byte{0x99, 0x11}, 2048)
	return []image.Pages{
		{Segment: 0, Encoding: image.Raw, First: 0, Count: 1, Data: raw}, {Segment: 0, Encoding: image.Zero, First: 1, Count: 1},
		{Segment: 0, Encoding: image.LZ4, First: 8, Count: 4, Data: []byte("a block")},
		{Segment: 1, Encoding: image.Raw, First: 15, Count: 1, Data: raw}, {Segment: 2, Encoding: image.Zero, First: 0, Count: 1},
	}
}

// Images outlive the kernel that made them: one of each version is kept, as it was made
// then, and read here.
func TestGolden_EveryVersionStaysReadable(t *testing.T) {
	if *writeGolden {
		if err := os.WriteFile(fmt.Sprintf("testdata/v%d.image", image.Version), present(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	process, objects, state := specimen()
	for version := 1; version <= image.Version; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			b, err := os.ReadFile(fmt.Sprintf("testdata/v%d.image", version))
			if err != nil {
				t.Fatal(err)
			}
			if int(b[9]) != version {
				t.Fatalf("the image is of version %d", b[9])
			}
			recs, err := image.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if again := records(t, b); !reflect.DeepEqual(again, recs) {
				t.Error("as a stream it has other records")
			}
			d, err := image.Describe(recs)
			if err != nil {
				t.Fatal(err)
			}
			var rpc image.RPC
			if err := image.Unmarshal(d.RPC, &rpc); err != nil {
				t.Fatal(err)
			}
			for what, pair := range map[string][2]any{"process": {d.Process, process}, "objects": {d.Objects, objects}, "rpc": {rpc, state}} {
				if !reflect.DeepEqual(pair[0], pair[1]) {
					t.Errorf("%s is\n%+v, was\n%+v", what, pair[0], pair[1])
				}
			}
			if last := recs[len(recs)-1]; last.Type != 900 || string(last.Payload) != "of a later version" {
				t.Errorf("the unknown record is %v", last)
			}
			if version >= 2 {
				checkpointed(t, d, recs)
			}
		})
	}
}

// checkpointed checks what an image has since version 2.
func checkpointed(t *testing.T, d *image.Descriptor, recs []image.Record) {
	lineage, segments := checkpoint()
	if !reflect.DeepEqual(*d.Lineage, lineage) || !reflect.DeepEqual(d.Segments, segments) {
		t.Errorf("%+v\n%+v", d.Lineage, d.Segments)
	}
	c := image.NewCursor(d.Segments)
	want, files := pages(), 0
	for _, r := range recs {
		switch r.Type {
		case image.TypePages:
			p, err := image.DecodePages(r.Payload)
			if err == nil {
				err = c.Take(&p)
			}
			if err != nil || !reflect.DeepEqual(p.Encode(), want[0].Encode()) {
				t.Errorf("%+v, %v", p, err)
			}
			want = want[1:]
		case image.TypeContent:
			var f image.Content
			if err := image.Unmarshal(r.Payload, &f); err != nil || f.Check() != nil || f.Path != "/bin/counter" {
				t.Errorf("%+v, %v", f, err)
			}
			files++
		}
	}
	if err := c.Done(); err != nil || files != 1 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestDescriptor_WithOtherSegments(t *testing.T) {
	d, err := image.Describe(records(t, present(t)))
	if err != nil {
		t.Fatal(err)
	}
	_, segments := checkpoint()
	for i := range segments {
		segments[i].Cap = bytes.Repeat([]byte{byte(i + 1)}, 44)
	}
	b, err := d.Encode(segments)
	if err != nil {
		t.Fatal(err)
	}
	again, err := image.Describe(records(t, b))
	if err != nil || !reflect.DeepEqual(again.Segments, segments) || !reflect.DeepEqual(again.Process, d.Process) {
		t.Errorf("%+v, %v", again, err)
	}
}

// A record that cannot be is refused by its name, and costs no more than came.
func TestRefused_ByRecord(t *testing.T) {
	good := records(t, present(t))
	find := func(recs []image.Record, typ image.Type) *image.Record {
		for i := range recs {
			if recs[i].Type == typ {
				return &recs[i]
			}
		}
		return nil
	}
	change := func(typ image.Type, v any, spoil func()) func([]image.Record) []image.Record {
		return func(recs []image.Record) []image.Record {
			r := find(recs, typ)
			if err := image.Unmarshal(r.Payload, v); err != nil {
				t.Fatal(err)
			}
			spoil()
			r.Payload, _ = image.Marshal(v)
			return recs
		}
	}
	var p image.Process
	var l image.Lineage
	var s image.Segments
	for name, c := range map[string]struct {
		spoil func([]image.Record) []image.Record
		says  string
	}{
		"terabytes":          {change(image.TypeSegments, &s, func() { s[2].Size = 1 << 50 }), "segments record: segment 2"},
		"a wrapped range":    {change(image.TypeSegments, &s, func() { s[2].Start = 1<<64 - 4096 }), "segments record: segment 2"},
		"all pages":          {change(image.TypeSegments, &s, func() { s[0].Runs = []uint64{0, 1 << 60} }), "segments record: segment 0"},
		"wrapped run":        {change(image.TypeSegments, &s, func() { s[0].Runs = []uint64{1, 1<<64 - 1} }), "segments record: segment 0"},
		"runs that overlap":  {change(image.TypeSegments, &s, func() { s[0].Runs = []uint64{0, 3, 2, 1} }), "segments record: segment 0"},
		"half a run":         {change(image.TypeSegments, &s, func() { s[0].Runs = []uint64{0} }), "half a run"},
		"overlap":            {change(image.TypeSegments, &s, func() { s[1].Start = 0x508000; s[1].Size = 0x1000 }), "not after the one before"},
		"no region":          {change(image.TypeSegments, &s, func() { s[0].Start = 0x600000 }), "is not in a region"},
		"a shared region":    {change(image.TypeSegments, &s, func() { s[1].Start, s[1].Size = 0x700000, 0x1000 }), "is not in a region"},
		"no store":           {change(image.TypeSegments, &s, func() { s[2].Store = 2 }), "store 2 of 2"},
		"a short capability": {change(image.TypeSegments, &s, func() { s[0].Cap = []byte{1} }), "capability of 1 bytes"},
		"no lineage id":      {change(image.TypeLineage, &l, func() { l.ID = [16]byte{} }), "lineage record"},
		"a store":            {change(image.TypeProcess, &p, func() { p.Stores[1].Size = 1 << 62 }), "process record: image of process 1000007: store 1"},
		"regions overlap":    {change(image.TypeProcess, &p, func() { p.Regions[1].Start = 0x401000 }), "process record"},
		"no threads":         {change(image.TypeProcess, &p, func() { p.Threads = nil }), "process record"},
		"not CBOR":           {func(r []image.Record) []image.Record { find(r, image.TypeObjects).Payload = []byte{0xff}; return r }, "objects record"},
		"a record twice":     {func(r []image.Record) []image.Record { return append(r, r[0]) }, "process record: is there twice"},
		"no rpc":             {func(r []image.Record) []image.Record { return append(r[:2:2], r[3:]...) }, "rpc record: is missing"},
		"no segments":        {func(r []image.Record) []image.Record { return append(r[:4:4], r[5:]...) }, "segments record"},
	} {
		p, l, s = image.Process{}, image.Lineage{}, nil
		recs := c.spoil(append([]image.Record(nil), good...))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := image.Describe(recs)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: took %d bytes", name, used)
		}
	}
}

func TestCursor_HasEachPageOnce(t *testing.T) {
	_, segments := checkpoint()
	whole := pages()
	take := func(list []image.Pages) error {
		c := image.NewCursor(segments)
		for i := range list {
			if err := c.Take(&list[i]); err != nil {
				return err
			}
		}
		return c.Done()
	}
	if err := take(whole); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]image.Pages{
		"none":         nil,
		"the last":     whole[:len(whole)-1],
		"the first":    whole[1:],
		"one twice":    append([]image.Pages{whole[0]}, whole...),
		"one too many": append(whole[:len(whole):len(whole)], whole[0]),
		"another run":  {whole[0], {Segment: 0, Encoding: image.Zero, First: 1, Count: 3}},
	} {
		if err := take(list); err == nil || !strings.Contains(err.Error(), "pages record") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Unknown records: those that may be ignored are kept, others refused by number, and so
// is a later version.
func TestUnknown(t *testing.T) {
	w := image.NewWriter()
	w.Add(image.Record{Type: 77, Required: true})
	b := w.Bytes()
	for name, err := range map[string]error{"read": second(image.Read(b)), "stream": stream(b)} {
		if err == nil || !errors.As(err, new(image.UnknownError)) || !strings.Contains(err.Error(), "type 77") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b[9] = image.Version + 1
	for name, err := range map[string]error{"read": second(image.Read(b)), "stream": stream(b)} {
		if !errors.As(err, new(image.VersionError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// stream reads an image to its end.
func stream(b []byte) error {
	d, err := image.NewDecoder(bytes.NewReader(b))
	for err == nil {
		_, err = d.Next()
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// A record of 16 MB of which nothing has come costs nothing.
func TestDecoder_TakesNoMoreThanCame(t *testing.T) {
	w := image.NewWriter()
	b := append(w.Bytes()[:12], 0, 1, 0, 1, 1, 0, 0, 0, 'x')
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := stream(b)
	runtime.ReadMemStats(&after)
	if err != image.ErrCutShort {
		t.Error(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
		t.Errorf("took %d bytes", used)
	}
	b[16] = 2
	if err := stream(b); !errors.As(err, new(image.LengthError)) || !strings.Contains(err.Error(), "process record") {
		t.Error(err)
	}
}

// Both ways of reading see the same, and what makes a descriptor makes it again.
func FuzzDescribe(f *testing.F) {
	for v := 1; v <= image.Version; v++ {
		b, err := os.ReadFile(fmt.Sprintf("testdata/v%d.image", v))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		recs, err := image.Read(b)
		if other := stream(b); (err == nil) != (other == nil) {
			t.Fatalf("read: %v, as a stream: %v", err, other)
		}
		if err != nil {
			return
		}
		d, err := image.Describe(recs)
		if err != nil {
			return
		}
		again, err := d.Encode(d.Segments)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := image.Describe(records(t, again)); err != nil {
			t.Fatalf("it was a descriptor, and is none any more: %v", err)
		}
		c := image.NewCursor(d.Segments)
		for _, r := range recs {
			if r.Type == image.TypePages {
				if p, err := image.DecodePages(r.Payload); err != nil || c.Take(&p) != nil {
					return
				}
			}
		}
		_ = c.Done()
	})
}

func FuzzDecodePages(f *testing.F) {
	for _, p := range pages() {
		f.Add(p.Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := image.DecodePages(b); err == nil && !bytes.Equal(p.Encode(), b) {
			t.Errorf("% x became % x", b, p.Encode())
		}
	})
}
