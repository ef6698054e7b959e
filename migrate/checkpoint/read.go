package checkpoint

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pierrec/lz4/v4"

	"motile/migrate/image"
)

// Checkpoint is a checkpoint file that is whole and authentic.
type Checkpoint struct {
	*image.Descriptor
	Files   []File
	Others  []image.Record // unknown, and optional
	Stats   Stats
	Version int // of the image

	r    io.ReadSeeker
	key  [32]byte
	salt [saltSize]byte
}

// File is a file that came along.
type File struct {
	Digest [32]byte
	Path   string
	Size   int64
}

// Open reads all of a checkpoint file, and refuses it if there is anything wrong with it.
// The checkpoint goes on using r.
func Open(r io.ReadSeeker, key *[32]byte) (*Checkpoint, error) {
	c := &Checkpoint{r: r, key: *key}
	o, err := c.rewind()
	if err != nil {
		return nil, err
	}
	c.salt = o.salt
	var meta []image.Record
	f := new(filed)
	var cursor *image.Cursor
	err = c.each(o, func(rec image.Record) error {
		switch {
		case rec.Type == image.TypePages && cursor == nil, rec.Type == image.TypeContent && cursor == nil:
			if c.Descriptor, err = image.Describe(meta); err != nil {
				return err
			}
			cursor = image.NewCursor(c.Segments)
		case rec.Type < image.TypePages && cursor != nil:
			return &image.RecordError{Type: rec.Type, Err: errors.New("comes behind pages")}
		}
		switch rec.Type {
		case image.TypePages:
			return c.checkPages(cursor, rec.Payload)
		case image.TypeContent:
			return f.add(rec.Payload)
		case image.TypeProcess, image.TypeObjects, image.TypeRPC, image.TypeLineage, image.TypeSegments:
			meta = append(meta, rec)
		default:
			c.Others = append(c.Others, rec)
		}
		return nil
	})
	if err == nil && cursor == nil {
		if c.Descriptor, err = image.Describe(meta); err == nil {
			cursor = image.NewCursor(c.Segments)
		}
	}
	if err == nil && c.Lineage == nil {
		err = &image.RecordError{Type: image.TypeLineage, Err: errors.New("is missing")}
	}
	if err == nil {
		err = cursor.Done()
	}
	if err == nil {
		err = f.whole()
	}
	if err != nil {
		return nil, err
	}
	c.Files = f.list
	for _, file := range f.list {
		c.Stats.Files++
		c.Stats.FileBytes += file.Size
	}
	c.Stats.Bytes, err = r.Seek(0, io.SeekEnd)
	return c, err
}

// rewind begins to read the file.
func (c *Checkpoint) rewind() (*opener, error) {
	if _, err := c.r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	o, err := newOpener(c.r, &c.key)
	if err == nil && c.salt != [saltSize]byte{} && c.salt != o.salt {
		err = errors.New("was replaced while it was read")
	}
	return o, err
}

// each calls f for the records of the file. What is behind the last is read, too, so
// that the file's end is authentic.
func (c *Checkpoint) each(o *opener, f func(image.Record) error) error {
	in := bufio.NewReaderSize(o, chunkSize)
	d, err := image.NewDecoder(in)
	if err != nil {
		return o.why(err)
	}
	c.Version = d.Version
	for {
		rec, err := d.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = f(rec)
		}
		if err != nil {
			return o.why(err)
		}
	}
	n, err := io.Copy(io.Discard, in)
	if err == nil && n > 0 {
		err = ErrTooLong
	}
	return err
}

// why is the reason for an error of what was read: a broken seal, if that is it.
func (o *opener) why(err error) error {
	if o.err != nil && o.err != io.EOF {
		return o.err
	}
	return err
}

// checkPages checks a pages record, and that its block expands.
func (c *Checkpoint) checkPages(cursor *image.Cursor, payload []byte) error {
	p, err := image.DecodePages(payload)
	if err != nil {
		return err
	}
	if err := cursor.Take(&p); err != nil {
		return err
	}
	switch p.Encoding {
	case image.Raw:
		c.Stats.Raw += int(p.Count)
	case image.Zero:
		c.Stats.Zero += int(p.Count)
	case image.LZ4:
		c.Stats.LZ4 += int(p.Count)
		_, err = expand(&p)
	}
	return err
}

// expand returns the contents of pages, which are not zero.
func expand(p *image.Pages) ([]byte, error) {
	if p.Encoding == image.Raw {
		return p.Data, nil
	}
	out := make([]byte, int(p.Count)*pageSize)
	if n, err := lz4.UncompressBlock(p.Data, out); err != nil || n != len(out) {
		return nil, &image.RecordError{Type: image.TypePages, Err: fmt.Errorf("an lz4 block that does not expand to %d pages", p.Count)}
	}
	return out, nil
}

// Records calls f for all records, in order.
func (c *Checkpoint) Records(f func(image.Record) error) error {
	o, err := c.rewind()
	if err != nil {
		return err
	}
	return c.each(o, f)
}

// Pages calls f for all pages, in order. data is nil for pages of zeros.
func (c *Checkpoint) Pages(f func(segment int, first, count uint64, data []byte) error) error {
	return c.Records(func(rec image.Record) error {
		if rec.Type != image.TypePages {
			return nil
		}
		p, err := image.DecodePages(rec.Payload)
		if err != nil {
			return err
		}
		var data []byte
		if p.Encoding != image.Zero {
			if data, err = expand(&p); err != nil {
				return err
			}
		}
		return f(int(p.Segment), p.First, uint64(p.Count), data)
	})
}

// Content is a file that came along.
func (c *Checkpoint) Content(digest [32]byte) ([]byte, error) {
	var whole bytes.Buffer
	err := c.Records(func(rec image.Record) error {
		if rec.Type != image.TypeContent {
			return nil
		}
		var p image.Content
		if err := image.Unmarshal(rec.Payload, &p); err != nil {
			return err
		}
		if string(p.Digest) == string(digest[:]) {
			whole.Write(p.Data)
		}
		return nil
	})
	return whole.Bytes(), err
}

// Has reports whether a file came along.
func (c *Checkpoint) Has(digest [32]byte) (File, bool) {
	i := slices.IndexFunc(c.Files, func(f File) bool { return f.Digest == digest })
	if i < 0 {
		return File{}, false
	}
	return c.Files[i], true
}

// filed checks file records: the pieces of each come one after the other, and are
// what the digest says.
type filed struct {
	list []File
	got  int64
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func (f *filed) add(payload []byte) error {
	var p image.Content
	if err := image.Unmarshal(payload, &p); err != nil {
		return &image.RecordError{Type: image.TypeContent, Err: err}
	}
	if err := p.Check(); err != nil {
		return &image.RecordError{Type: image.TypeContent, Err: err}
	}
	if p.Off == 0 {
		if err := f.whole(); err != nil {
			return err
		}
		if slices.ContainsFunc(f.list, func(x File) bool { return string(x.Digest[:]) == string(p.Digest) }) {
			return &image.RecordError{Type: image.TypeContent, Err: fmt.Errorf("%.40q is there twice", p.Path)}
		}
		f.list = append(f.list, File{[32]byte(p.Digest), p.Path, p.Size})
		f.got, f.hash = 0, sha256.New()
	}
	if f.hash == nil || p.Off != f.got {
		return &image.RecordError{Type: image.TypeContent, Err: fmt.Errorf("%.40q: piece at %d, where %d is the next", p.Path, p.Off, f.got)}
	}
	last := f.list[len(f.list)-1]
	if last != (File{[32]byte(p.Digest), p.Path, p.Size}) {
		return &image.RecordError{Type: image.TypeContent, Err: fmt.Errorf("%.40q begins before %.40q is whole", p.Path, last.Path)}
	}
	f.got += int64(len(p.Data))
	_, _ = f.hash.Write(p.Data)
	return nil
}

// whole reports what is wrong with the last file.
func (f *filed) whole() error {
	if f.hash == nil {
		return nil
	}
	last := f.list[len(f.list)-1]
	if f.got != last.Size || [32]byte(f.hash.Sum(nil)) != last.Digest {
		return &image.RecordError{Type: image.TypeContent, Err: fmt.Errorf("%.40q: %d of %d bytes, or others than its digest says", last.Path, f.got, last.Size)}
	}
	return nil
}
