package checkpoint

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"motile/ipc/capability"
)

const (
	magic      = "MOTILECK"
	version    = 1
	saltSize   = 32
	idSize     = capability.Size
	headerSize = len(magic) + 4 + saltSize + idSize
	chunkSize  = 64 << 10
	tagSize    = 16
)

// Errors of sealed files.
var (
	ErrNotCheckpoint = errors.New("not a checkpoint file")
	ErrKey           = errors.New("sealed under another cluster's key, or changed at its start")
	ErrCutShort      = errors.New("cut short")
	ErrTooLong       = errors.New("goes on behind its end")
)

// ChunkError: a chunk is not what was written there.
type ChunkError int

func (e ChunkError) Error() string {
	return fmt.Sprintf("changed since it was written: chunk %d", int(e))
}

// header of a file under a key, with a salt that no other file has.
func header(key *[32]byte, salt *[saltSize]byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte(magic), version)
	b = append(append(b, 0, 0), salt[:]...)
	id := capability.OneWay("motile checkpoint key", key[:], salt[:])
	return append(b, id[:]...)
}

// chunks seals or opens the chunks of a file in order.
type chunks struct {
	aead   cipher.AEAD
	header []byte
	n      int
}

func newChunks(key *[32]byte, salt *[saltSize]byte) *chunks {
	h := sha3.NewSHAKE256()
	for _, p := range [][]byte{[]byte("motile checkpoint file"), key[:], salt[:]} {
		_, _ = h.Write(p) // never fails
	}
	var fileKey [32]byte
	_, _ = h.Read(fileKey[:])
	block, err := aes.NewCipher(fileKey[:])
	if err != nil {
		panic(err) // of the key's length, a constant
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &chunks{aead: aead, header: header(key, salt)}
}

// nonce of the next chunk: its number, and whether it is the last. The key is the
// file's own, so no other chunk anywhere has both.
func (c *chunks) nonce(last bool) []byte {
	b := make([]byte, 12)
	binary.BigEndian.PutUint64(b, uint64(c.n))
	if last {
		b[11] = 1
	}
	c.n++
	return b
}

// sealer is a sealed file that is being written.
type sealer struct {
	w   io.Writer
	c   *chunks
	buf []byte // less than a chunk, or a whole one of which it is not known whether it is the last
	out []byte
	err error
}

func newSealer(w io.Writer, key *[32]byte, salt [saltSize]byte) *sealer {
	s := &sealer{w: w, c: newChunks(key, &salt), buf: make([]byte, 0, chunkSize)}
	_, s.err = w.Write(s.c.header)
	return s
}

// Write implements io.Writer.
func (s *sealer) Write(p []byte) (n int, err error) {
	for s.err == nil && len(p) > 0 {
		if len(s.buf) == chunkSize {
			s.flush(false)
		}
		k := min(chunkSize-len(s.buf), len(p))
		s.buf = append(s.buf, p[:k]...)
		n += k
		p = p[k:]
	}
	return n, s.err
}

func (s *sealer) flush(last bool) {
	s.out = s.c.aead.Seal(s.out[:0], s.c.nonce(last), s.buf, s.c.header)
	if s.err == nil {
		_, s.err = s.w.Write(s.out)
	}
	s.buf = s.buf[:0]
}

// Close writes the last chunk.
func (s *sealer) Close() error {
	s.flush(true)
	return s.err
}

// opener reads a sealed file: nothing that is not authentic.
type opener struct {
	r     io.Reader
	c     *chunks
	salt  [saltSize]byte
	ahead []byte // what was read and not opened: a chunk, and a byte that says if it is the last
	text  []byte // of the chunk, what has not been read
	err   error
}

func newOpener(r io.Reader, key *[32]byte) (*opener, error) {
	var head [headerSize]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if n >= len(magic) && string(head[:len(magic)]) == magic {
			return nil, ended(err, ErrCutShort)
		}
		return nil, ended(err, ErrNotCheckpoint)
	}
	if string(head[:len(magic)]) != magic {
		return nil, ErrNotCheckpoint
	}
	if v := binary.BigEndian.Uint16(head[len(magic):]); v != version {
		return nil, fmt.Errorf("a checkpoint file of version %d; this program reads version %d", v, version)
	}
	o := &opener{r: r, salt: [saltSize]byte(head[len(magic)+4:])}
	if string(header(key, &o.salt)) != string(head[:]) {
		return nil, ErrKey
	}
	o.c = newChunks(key, &o.salt)
	o.ahead = make([]byte, 0, chunkSize+tagSize+1)
	return o, nil
}

func ended(err, cut error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return cut
	}
	return err
}

// Read implements io.Reader.
func (o *opener) Read(p []byte) (n int, err error) {
	for len(o.text) == 0 {
		if o.err != nil {
			return 0, o.err
		}
		o.open()
	}
	n = copy(p, o.text)
	o.text = o.text[n:]
	return n, nil
}

// open opens the next chunk. The last is the one behind which there is nothing; that
// it was written as the last, its nonce says.
func (o *opener) open() {
	k, err := io.ReadFull(o.r, o.ahead[len(o.ahead):cap(o.ahead)])
	o.ahead = o.ahead[:len(o.ahead)+k]
	last := err != nil
	if last && err != io.EOF && err != io.ErrUnexpectedEOF {
		o.err = err
		return
	}
	chunk := o.ahead
	if !last {
		chunk = chunk[:chunkSize+tagSize]
	}
	if len(chunk) < tagSize {
		o.err = ErrCutShort
		return
	}
	number := o.c.n
	text, err := o.c.aead.Open(nil, o.c.nonce(last), chunk, o.c.header)
	if err != nil {
		o.err = o.diagnose(number, last, chunk)
		return
	}
	o.text = text
	if last {
		o.err = io.EOF
		return
	}
	o.ahead = append(o.ahead[:0], o.ahead[chunkSize+tagSize:]...)
}

// diagnose says why a chunk does not open: it may be a good one at a wrong end.
func (o *opener) diagnose(number int, last bool, chunk []byte) error {
	o.c.n = number
	if _, err := o.c.aead.Open(nil, o.c.nonce(!last), chunk, o.c.header); err != nil {
		return ChunkError(number)
	}
	if last {
		return ErrCutShort
	}
	return ErrTooLong
}
