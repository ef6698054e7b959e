package image

import (
	"errors"
	"fmt"
)

// The container: magic and version, then records.
//
//	header  8 bytes  "MOTILEIM"
//	        2        version, big-endian
//	        2        0
//	record  2        type
//	        2        flags: bit 0 set: a reader that does not know the type must refuse
//	        4        length of the payload
//	        n        payload
//	end     a record of type 0 and length 0
const (
	magic      = "MOTILEIM"
	Version    = 2
	headerSize = 12
	recordSize = 8

	flagRequired = 1

	// MaxRecord bounds a record's payload.
	MaxRecord = 16 << 20
)

// Type of a record.
type Type uint16

const (
	typeEnd     Type = 0
	TypeProcess Type = 1 // Process, CBOR
	TypeObjects Type = 2 // []Object, CBOR
	TypeRPC     Type = 3 // the state of the process's endpoints, sealed

	// Since version 2, of checkpoints.
	TypeLineage  Type = 4 // Lineage, CBOR
	TypeSegments Type = 5 // Segments, CBOR
	TypePages    Type = 6 // Pages, binary; on disk only, many
	TypeContent  Type = 7 // Content, CBOR: a piece of a file; on disk only, many
	typeLast          = TypeContent
)

var typeNames = [...]string{"end", "process", "objects", "rpc", "lineage", "segments", "pages", "file"}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint16(t))
}

// Record is one record.
type Record struct {
	Type     Type
	Required bool
	Payload  []byte
}

// Writer appends records to an image.
type Writer struct{ buf []byte }

// NewWriter starts an image.
func NewWriter() *Writer { return &Writer{appendStart(make([]byte, 0, 4096))} }

// Add appends a record.
func (w *Writer) Add(r Record) { w.buf = append(appendHead(w.buf, r), r.Payload...) }

// Bytes ends the image and returns it.
func (w *Writer) Bytes() []byte {
	w.Add(Record{Type: typeEnd})
	return w.buf
}

// Errors of a container.
var (
	ErrNotImage = errors.New("not a process image")
	ErrCutShort = errors.New("image is cut short")
)

// VersionError: the image is of a version this reader does not know.
type VersionError uint16

func (e VersionError) Error() string {
	return fmt.Sprintf("image version %d; this node reads up to %d", uint16(e), Version)
}

// UnknownError: a required record of an unknown type.
type UnknownError Type

func (e UnknownError) Error() string {
	return fmt.Sprintf("image needs record %v, which this node does not know", Type(e))
}

// LengthError: a record claims to be longer than any is.
type LengthError struct {
	Type   Type
	Length uint32
}

func (e LengthError) Error() string {
	return fmt.Sprintf("image: %v record of %d bytes, where %d is the most", e.Type, e.Length, MaxRecord)
}

// Read takes a container apart. Payloads are parts of b. Unknown optional records
// are returned with the others.
func Read(b []byte) ([]Record, error) {
	if len(b) < headerSize {
		return nil, ErrNotImage
	}
	if err := checkStart(b); err != nil {
		return nil, err
	}
	b = b[headerSize:]
	var recs []Record
	for {
		if len(b) < recordSize {
			return nil, ErrCutShort
		}
		r, n, err := decodeHead(b)
		if err != nil {
			return nil, err
		}
		if b = b[recordSize:]; n > len(b) {
			return nil, ErrCutShort
		}
		if r.Type == typeEnd {
			return recs, nil
		}
		r.Payload, b = b[:n:n], b[n:]
		recs = append(recs, r)
	}
}

// FindAll returns the payloads of all records of a type, in order.
func FindAll(recs []Record, t Type) (all [][]byte) {
	for _, r := range recs {
		if r.Type == t {
			all = append(all, r.Payload)
		}
	}
	return all
}

// Find returns the payload of the first record of a type.
func Find(recs []Record, t Type) ([]byte, error) {
	for _, r := range recs {
		if r.Type == t {
			return r.Payload, nil
		}
	}
	return nil, fmt.Errorf("image has no %v record", t)
}
