package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"

	"motile/kernel/abi"
	"motile/migrate/image"
)

const pageSize = abi.PageSize

// Writer writes a checkpoint: pages first, in order, then files.
type Writer struct {
	seal   *sealer
	image  *image.Encoder
	d      *image.Descriptor
	cursor *image.Cursor
	lz4    *lz4.Compressor // nil: pages are written as they are
	block  []byte

	Stats Stats
}

// Stats says what the pages of a checkpoint are.
type Stats struct {
	Raw       int   `json:"pages_raw"`
	Zero      int   `json:"pages_zero"`
	LZ4       int   `json:"pages_lz4"`
	Files     int   `json:"files"`
	FileBytes int64 `json:"file_bytes"`
	Bytes     int64 `json:"bytes"` // of the file
}

// Options of a checkpoint file.
type Options struct {
	Compress bool // pages, with lz4
}

// NewWriter begins a file. The salt must be fresh for each; what the segments are named
// by is not written. It writes to w in pieces of about 64 KB.
func NewWriter(w io.Writer, key *[32]byte, salt [saltSize]byte, d *image.Descriptor, o Options) (*Writer, error) {
	if d.Lineage == nil {
		return nil, errors.New("checkpoint: the image has no lineage")
	}
	segments := make(image.Segments, len(d.Segments))
	for i, s := range d.Segments {
		s.Cap = nil
		segments[i] = s
	}
	records, err := d.Records(segments)
	if err != nil {
		return nil, err
	}
	c := &Writer{d: d, cursor: image.NewCursor(segments)}
	c.seal = newSealer(&counter{w, &c.Stats.Bytes}, key, salt)
	c.image = image.NewEncoder(c.seal)
	if o.Compress {
		c.lz4 = new(lz4.Compressor)
		c.block = make([]byte, lz4.CompressBlockBound(image.MaxPages*pageSize))
	}
	for _, r := range records {
		if err := c.image.Add(r); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// counter counts what is written.
type counter struct {
	io.Writer
	n *int64
}

func (c *counter) Write(p []byte) (n int, err error) {
	n, err = c.Writer.Write(p)
	*c.n += int64(n)
	return n, err
}

// Pages writes pages of a segment, which come in order, whole runs or parts of them.
func (c *Writer) Pages(segment int, first uint64, data []byte) error {
	if len(data)%pageSize != 0 {
		return fmt.Errorf("checkpoint: %d bytes are no pages", len(data))
	}
	for len(data) > 0 {
		zero := isZero(data[:pageSize])
		n := 1
		for n*pageSize < len(data) && isZero(data[n*pageSize:(n+1)*pageSize]) == zero && (zero || n < image.MaxPages) {
			n++
		}
		p := image.Pages{Segment: uint32(segment), First: first, Count: uint32(n)}
		if zero {
			p.Encoding = image.Zero
			c.Stats.Zero += n
		} else {
			c.encode(&p, data[:n*pageSize])
		}
		if err := c.cursor.Take(&p); err != nil {
			return err
		}
		if err := c.image.Add(image.Record{Type: image.TypePages, Required: true, Payload: p.Encode()}); err != nil {
			return err
		}
		first += uint64(n)
		data = data[n*pageSize:]
	}
	return nil
}

// encode makes pages of data, compressed if that makes them smaller.
func (c *Writer) encode(p *image.Pages, data []byte) {
	p.Encoding, p.Data = image.Raw, data
	if c.lz4 != nil {
		if k, err := c.lz4.CompressBlock(data, c.block); err == nil && k > 0 && k < len(data) {
			p.Encoding, p.Data = image.LZ4, c.block[:k]
			c.Stats.LZ4 += int(p.Count)
			return
		}
	}
	c.Stats.Raw += int(p.Count)
}

// isZero reports whether a page is all zeros.
func isZero(page []byte) bool {
	for ; len(page) >= 64; page = page[64:] {
		if binary.NativeEndian.Uint64(page)|binary.NativeEndian.Uint64(page[8:])|
			binary.NativeEndian.Uint64(page[16:])|binary.NativeEndian.Uint64(page[24:])|
			binary.NativeEndian.Uint64(page[32:])|binary.NativeEndian.Uint64(page[40:])|
			binary.NativeEndian.Uint64(page[48:])|binary.NativeEndian.Uint64(page[56:]) != 0 {
			return false
		}
	}
	return true
}

// filePiece is how much of a file a record has.
const filePiece = 1 << 20

// File writes a file that may be missing where the process is to go on: r has size bytes
// with the digest. It comes behind all pages.
func (c *Writer) File(digest [32]byte, path string, size int64, r io.Reader) error {
	if err := c.cursor.Done(); err != nil {
		return err
	}
	content := image.Content{Digest: digest[:], Path: path, Size: size}
	buf := make([]byte, min(filePiece, size))
	for first := true; first || content.Off < size; first = false {
		content.Data = buf[:min(int64(len(buf)), size-content.Off)]
		if _, err := io.ReadFull(r, content.Data); err != nil {
			return fmt.Errorf("file %s: %w", path, err)
		}
		if err := content.Check(); err != nil {
			return err
		}
		payload, err := image.Marshal(content)
		if err != nil {
			return err
		}
		if err := c.image.Add(image.Record{Type: image.TypeContent, Payload: payload}); err != nil {
			return err
		}
		content.Off += int64(len(content.Data))
	}
	c.Stats.Files++
	c.Stats.FileBytes += size
	return nil
}

// Close ends the file, which must have all pages. It does not close what it writes to.
func (c *Writer) Close() error {
	if err := c.cursor.Done(); err != nil {
		return err
	}
	if err := c.image.Close(); err != nil {
		return err
	}
	return c.seal.Close()
}
