package image

import (
	"encoding/binary"
	"fmt"
)

// Pages is the payload of a pages record: a run of pages of one segment.
//
//	segment   4  index into the segments record, big-endian as all here
//	encoding  1  0 raw, 1 zero, 2 lz4
//	first     8  page of the segment
//	count     4
//	data      n  raw: count pages; zero: nothing; lz4: a block that expands to count pages
type Pages struct {
	Segment  uint32
	Encoding Encoding
	First    uint64
	Count    uint32
	Data     []byte
}

// Encoding of pages.
type Encoding uint8

const (
	Raw  Encoding = 0
	Zero Encoding = 1
	LZ4  Encoding = 2 // one block, without a frame
)

func (e Encoding) String() string {
	switch e {
	case Raw:
		return "raw"
	case Zero:
		return "zero"
	case LZ4:
		return "lz4"
	}
	return fmt.Sprintf("encoding %d", uint8(e))
}

const (
	pagesHead = 4 + 1 + 8 + 4

	// MaxPages is how many pages a record with data has at most: what expanding it
	// takes is bounded.
	MaxPages = 256
)

// Encode returns the payload.
func (p *Pages) Encode() []byte {
	b := make([]byte, 0, pagesHead+len(p.Data))
	b = binary.BigEndian.AppendUint32(b, p.Segment)
	b = append(b, byte(p.Encoding))
	b = binary.BigEndian.AppendUint64(b, p.First)
	b = binary.BigEndian.AppendUint32(b, p.Count)
	return append(b, p.Data...)
}

// DecodePages takes a payload apart. Data is part of it.
func DecodePages(b []byte) (p Pages, err error) {
	if len(b) < pagesHead {
		return p, fmt.Errorf("image: pages record of %d bytes", len(b))
	}
	p = Pages{Segment: binary.BigEndian.Uint32(b), Encoding: Encoding(b[4]), First: binary.BigEndian.Uint64(b[5:]),
		Count: binary.BigEndian.Uint32(b[13:]), Data: b[pagesHead:]}
	return p, p.fits()
}

// fits: the data is as long as the count says, as far as that can be told.
func (p *Pages) fits() error {
	ok := p.Count > 0
	switch p.Encoding {
	case Raw:
		ok = ok && p.Count <= MaxPages && len(p.Data) == int(p.Count)*pageSize
	case Zero:
		ok = ok && len(p.Data) == 0
	case LZ4:
		ok = ok && p.Count <= MaxPages && len(p.Data) > 0 && len(p.Data) < int(p.Count)*pageSize
	default:
		return fmt.Errorf("image: pages record with unknown %v", p.Encoding)
	}
	if !ok {
		return fmt.Errorf("image: pages record with %d bytes for %d %v pages", len(p.Data), p.Count, p.Encoding)
	}
	return nil
}
