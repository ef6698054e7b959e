package image

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Encoder writes an image that is too long to be held in memory, a record at a time.
type Encoder struct {
	w   io.Writer
	err error
}

// NewEncoder starts an image.
func NewEncoder(w io.Writer) *Encoder {
	e := &Encoder{w: w}
	_, e.err = w.Write(appendStart(nil))
	return e
}

// Add writes a record. After an error it does nothing but return it.
func (e *Encoder) Add(r Record) error {
	if e.err == nil {
		_, e.err = e.w.Write(appendHead(make([]byte, 0, recordSize), r))
	}
	if e.err == nil {
		_, e.err = e.w.Write(r.Payload)
	}
	return e.err
}

// Close ends the image. It does not close the writer.
func (e *Encoder) Close() error { return e.Add(Record{Type: typeEnd}) }

// Decoder reads such an image.
type Decoder struct {
	Version int // of the image

	r    io.Reader
	err  error
	head [recordSize]byte
}

// NewDecoder reads the start of an image.
func NewDecoder(r io.Reader) (*Decoder, error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, cutShort(err, ErrNotImage)
	}
	return &Decoder{Version: int(binary.BigEndian.Uint16(b[8:])), r: r}, checkStart(b[:])
}

// cutShort makes an end of what is read that comes too early an error of the image.
func cutShort(err, cut error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return cut
	}
	return err
}

// Next returns the next record, whose payload is the caller's, or io.EOF behind the
// last. A payload takes no more memory than has come of it.
func (d *Decoder) Next() (Record, error) {
	if d.err == nil {
		var r Record
		if r, d.err = d.next(); d.err == nil {
			return r, nil
		}
	}
	return Record{}, d.err
}

func (d *Decoder) next() (Record, error) {
	if _, err := io.ReadFull(d.r, d.head[:]); err != nil {
		return Record{}, cutShort(err, ErrCutShort)
	}
	r, n, err := decodeHead(d.head[:])
	switch {
	case err != nil:
		return r, err
	case r.Type == typeEnd:
		return r, io.EOF
	}
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, d.r, int64(n)); err != nil {
		return r, cutShort(err, ErrCutShort)
	}
	r.Payload = payload.Bytes()
	return r, nil
}

// appendStart appends what an image begins with.
func appendStart(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(append(b, magic...), Version)
	return append(b, 0, 0)
}

func checkStart(b []byte) error {
	if string(b[:8]) != magic {
		return ErrNotImage
	}
	if v := binary.BigEndian.Uint16(b[8:]); v == 0 || v > Version {
		return VersionError(v)
	}
	return nil
}

// appendHead appends what a record begins with.
func appendHead(b []byte, r Record) []byte {
	flags := uint16(0)
	if r.Required {
		flags = flagRequired
	}
	b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
	b = binary.BigEndian.AppendUint16(b, flags)
	return binary.BigEndian.AppendUint32(b, uint32(len(r.Payload)))
}

// decodeHead returns a record without its payload, and how long that is.
func decodeHead(b []byte) (r Record, n int, err error) {
	r.Type = Type(binary.BigEndian.Uint16(b))
	r.Required = binary.BigEndian.Uint16(b[2:])&flagRequired != 0
	length := binary.BigEndian.Uint32(b[4:])
	switch {
	case length > MaxRecord:
		return r, 0, LengthError{r.Type, length}
	case r.Type == typeEnd && length > 0:
		return r, 0, ErrCutShort // at a wrong place: zeros are no records
	case r.Required && r.Type > typeLast:
		return r, 0, UnknownError(r.Type)
	}
	return r, int(length), nil
}
