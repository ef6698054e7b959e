package wire

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/migrate/siphash"
)

// A message of the page stream, little-endian:
//
//	 0  8   boot of the source
//	 8  8   number of the move
//	16  4   sequence number
//	20  4   count of pages
//	24  8n  what each page is: its address; bit 0 set: page (address >> 12 & mask)
//	        of memory store (address >> 40)
//	    4096n  the pages
//	    16  SipHash-128 over all before it, under the move's key
const (
	streamHead = 24
	streamTag  = 16

	// PagesMost fills a message to just below 64 KB: one frame where the network
	// carries such frames.
	PagesMost = 15
	// PagesMaxLen is the length of such a message.
	PagesMaxLen = streamHead + PagesMost*(8+abi.PageSize) + streamTag

	storeBit  = 1 // bit 0 of a page's word
	storeMask = 1<<28 - 1
)

// StoreWord says that a page is one of a memory store.
func StoreWord(store, page int) uint64 { return uint64(store)<<40 | uint64(page)<<12 | storeBit }

// Stored takes a page's word apart. If ok is false it is the page's address.
func Stored(word uint64) (store, page int, ok bool) {
	return int(word >> 40), int(word >> 12 & storeMask), word&storeBit != 0
}

// PageBatch is a message under construction: words first, then pages.
type PageBatch struct {
	words []uint64
	pages []*[abi.PageSize]byte
}

// Add adds a page. Precondition: the batch is not full.
func (m *PageBatch) Add(word uint64, p *[abi.PageSize]byte) {
	m.words = append(m.words, word)
	m.pages = append(m.pages, p)
}

// Len is how many pages the batch has.
func (m *PageBatch) Len() int { return len(m.words) }

// Full reports whether no page fits any more.
func (m *PageBatch) Full() bool { return len(m.words) == PagesMost }

// Encode lays the message out in buf, which has room for PagesMaxLen, and empties
// the batch.
func (m *PageBatch) Encode(buf []byte, id MoveID, seq uint32, key *[16]byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(buf[:0], id.Boot)
	b = le.AppendUint64(b, id.Nr)
	b = le.AppendUint32(b, seq)
	b = le.AppendUint32(b, uint32(len(m.words)))
	for _, w := range m.words {
		b = le.AppendUint64(b, w)
	}
	for _, p := range m.pages {
		b = append(b, p[:]...)
	}
	tag := siphash.Sum(key, b)
	m.words, m.pages = m.words[:0], m.pages[:0]
	return append(b, tag[:]...)
}

// Pages is a message of the page stream. Its slices are parts of the message.
type Pages struct {
	Move  MoveID
	Seq   uint32
	Words []byte // 8 for each page
	Data  []byte // the pages

	body []byte // what the tag is over
	tag  [16]byte
}

// Authentic reports whether the message was made with the move's key.
func (p *Pages) Authentic(key *[16]byte) bool { return siphash.Sum(key, p.body) == p.tag }

// PagesOf says which move a message of the page stream is of, from its front alone:
// for who sees the first piece of it.
func PagesOf(front []byte) (id MoveID, ok bool) {
	if len(front) < streamHead {
		return id, false
	}
	return MoveID{binary.LittleEndian.Uint64(front), binary.LittleEndian.Uint64(front[8:])}, true
}

// DecodePages checks a message's form and returns its parts.
func DecodePages(b []byte) (p Pages, ok bool) {
	le := binary.LittleEndian
	if len(b) < streamHead+streamTag {
		return p, false
	}
	n := le.Uint32(b[20:])
	if n > PagesMost || len(b) != streamHead+int(n)*(8+abi.PageSize)+streamTag {
		return p, false
	}
	words, end := streamHead+8*int(n), len(b)-streamTag
	return Pages{
		Move: MoveID{le.Uint64(b), le.Uint64(b[8:])}, Seq: le.Uint32(b[16:]),
		Words: b[streamHead:words], Data: b[words:end],
		body: b[:end], tag: [16]byte(b[end:]),
	}, true
}
