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
//	20  2   count of words
//	22  2   round of precopying in which it is sent, from 1; 0: the processes stand still
//	24  8n  words: what each page is
//	        the pages, in the order of their words, 4096 bytes each, or fewer
//	    16  SipHash-128 over all before it, under the move's key
//
// A word's bit 0 set: page (bits 12–39) of memory store (bits 40–63). Else it is a
// private page, of process (bits 48–63) of the set, at address (bits 12–46). With bit 2 set, of
// either, the page is sparse: the next word, which has no page, says which blocks of 64
// bytes of it are here, by bit; the others are zero, or, with bit 3 set too, as in a file: a third
// word says in which of those that were offered (bits 32–63), and which page (bits 0–31).
// With bit 1 set it has no page here: the next word, which has none either, names another private
// page, and the two are one that the processes share until one of them writes. With bits 0 and 1
// set it begins a run of private pages, without any of them: the next word has in bits 8-63
// how many they are, and in bits 0-7 what about them (RunKind), which may take a third.
const (
	streamHead = 24
	streamTag  = 16

	// PagesMost fills a message to just below 64 KB: one frame where the network
	// carries such frames.
	PagesMost = 15
	// PagesMaxLen is the length of such a message.
	PagesMaxLen = streamHead + PagesMost*(8+abi.PageSize) + streamTag

	storeBit    = 1 << 0
	sameBit     = 1 << 1
	sparseBit   = 1 << 2
	overBit     = 1 << 3
	storeMask   = 1<<28 - 1
	addressMask = 1<<48 - 1
)

// StoreWord says that a page is one of a memory store.
func StoreWord(store, page int) uint64 { return uint64(store)<<40 | uint64(page)<<12 | storeBit }

// Stored takes a page's word apart. If ok is false it is a private page.
func Stored(word uint64) (store, page int, ok bool) {
	return int(word >> 40), int(word >> 12 & storeMask), word&(storeBit|sameBit) == storeBit
}

// PrivateWord says that a page is private to a process of the set.
func PrivateWord(process int, addr uint64) uint64 { return uint64(process)<<48 | addr }

// Private takes the word of a private page apart.
func Private(word uint64) (process int, addr uint64) {
	return int(word >> 48), word & addressMask &^ sameBit
}

// Same reports whether a word says that a private page is the one of the next word.
func Same(word uint64) bool { return word&(storeBit|sameBit) == sameBit }

// RunKind says what a run of pages is that has none of them.
type RunKind uint8

const (
	// Gone pages are not there, or of zeros: what was sent of them before is void.
	Gone RunKind = 1
	// Away pages stay with the source until they are asked for.
	Away RunKind = 2
	// Filed pages are in a file. A third word says as which page of it the first is.
	Filed RunKind = 3
)

// Run reports whether a word begins a run.
func Run(word uint64) bool { return word&(storeBit|sameBit) == storeBit|sameBit }

// RunOf takes the words of a run apart.
func RunOf(word, next uint64) (process int, addr uint64, pages int, kind RunKind) {
	process, addr = Private(word &^ storeBit)
	return process, addr, int(min(next>>8, addressMask)), RunKind(next)
}

// PageBatch is a message under construction: words first, then pages.
type PageBatch struct {
	words []uint64
	pages []content
	size  int // bytes of the pages
}

// Add adds a page, without those of its blocks that are zero. Precondition: the batch is not
// full.
func (m *PageBatch) Add(word uint64, p *[abi.PageSize]byte) {
	m.alone(word, content{p, blocksOf(p)})
}

// alone adds a page that needs no other.
func (m *PageBatch) alone(word uint64, c content) {
	if c.sparse() {
		m.words = append(m.words, word|sparseBit, uint64(c.blocks))
	} else {
		c.blocks = allBlocks
		m.words = append(m.words, word)
	}
	m.add(c)
}

func (m *PageBatch) add(c content) {
	m.pages = append(m.pages, c)
	m.size += c.blocks.size()
}

// AddOver adds a page that was a file's before somebody wrote, without those of its blocks that
// still are; file says which of the offered, at which of its pages, and base is that.
// Precondition: the batch is not full.
func (m *PageBatch) AddOver(word uint64, p *[abi.PageSize]byte, file, at int, base *[abi.PageSize]byte) {
	alone, over := content{p, blocksOf(p)}, content{p, blocksUnlike(p, base)}
	if !over.sparse() || over.blocks.size() >= alone.blocks.size() {
		m.alone(word, alone)
		return
	}
	m.words = append(m.words, word|sparseBit|overBit, uint64(over.blocks), uint64(file)<<32|uint64(uint32(at)))
	m.add(over)
}

// AddSame adds that a private page is the same as another, which was added before.
// Precondition: the batch is not full.
func (m *PageBatch) AddSame(word, as uint64) { m.words = append(m.words, word|sameBit, as) }

// AddRun adds a run of private pages, of which word is the first; at is for Filed ones.
// Precondition: the batch is not full.
func (m *PageBatch) AddRun(word uint64, pages int, kind RunKind, at uint64) {
	m.words = append(m.words, word|storeBit|sameBit, uint64(pages)<<8|uint64(kind))
	if kind == Filed {
		m.words = append(m.words, at)
	}
}

// Empty reports whether nothing was added.
func (m *PageBatch) Empty() bool { return len(m.words) == 0 }

// Full reports whether no page fits any more.
func (m *PageBatch) Full() bool { return m.Len()+8+abi.PageSize > PagesMaxLen }

// Room is how many pages fit yet.
func (m *PageBatch) Room() int { return (PagesMaxLen - m.Len()) / (8 + abi.PageSize) }

// Len is how long the message is.
func (m *PageBatch) Len() int {
	return streamHead + 8*len(m.words) + m.size + streamTag
}

// Clear empties the batch.
func (m *PageBatch) Clear() { m.words, m.pages, m.size = m.words[:0], m.pages[:0], 0 }

// Encode lays the message out in buf, which has room for PagesMaxLen, and empties
// the batch.
func (m *PageBatch) Encode(buf []byte, id MoveID, seq uint32, round int, key *[16]byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(buf[:0], id.Boot)
	b = le.AppendUint64(b, id.Nr)
	b = le.AppendUint32(b, seq)
	b = le.AppendUint16(b, uint16(len(m.words)))
	b = le.AppendUint16(b, uint16(round))
	for _, w := range m.words {
		b = le.AppendUint64(b, w)
	}
	for _, p := range m.pages {
		b = p.append(b)
	}
	tag := siphash.Sum(key, b)
	m.Clear()
	return append(b, tag[:]...)
}

// Pages is a message of the page stream. Its slices are parts of the message.
type Pages struct {
	Move  MoveID
	Seq   uint32
	Round int
	Count int // of pages

	words []byte // 8 for each
	data  []byte // the pages
	body  []byte // what the tag is over
	tag   [16]byte
}

// Entry is what a message says of one page, or of a run of them.
type Entry struct {
	Word uint64 // the page, or the first of the run
	As   uint64 // if Word is Same: the page it is the same as
	Next uint64 // if Word is a Run: its second word, for RunOf
	At   uint64 // if that is Filed: as which page of the file
	Page Page   // else: what is in it
}

// Entries calls f for each entry, until that returns false, which it then returns too.
func (p *Pages) Entries(f func(e Entry) bool) bool {
	for words, data := p.words, p.data; len(words) > 0; {
		var e Entry
		e, words, data, _ = next(words, data) // DecodePages has looked
		if !f(e) {
			return false
		}
	}
	return true
}

// next takes an entry off words and pages. ok is false if there is less of it than it says.
func next(words, data []byte) (e Entry, w, d []byte, ok bool) {
	ok = true
	word := func() (v uint64) {
		if len(words) < 8 {
			ok = false
			return 0
		}
		v, words = binary.LittleEndian.Uint64(words), words[8:]
		return v
	}
	e.Word = word()
	switch {
	case Same(e.Word):
		e.As = word()
	case Run(e.Word):
		e.Next = word()
		switch RunKind(e.Next) {
		case Gone, Away:
		case Filed:
			e.At = word()
		default:
			ok = false
		}
	default:
		e.Page.blocks = allBlocks
		if e.Word&sparseBit != 0 {
			e.Page.blocks = blocks(word())
			if e.Page.Over = e.Word&overBit != 0; e.Page.Over {
				base := word()
				e.Page.File, e.Page.At = int(base>>32), int(uint32(base))
			}
			e.Word &^= sparseBit | overBit
		}
		n := e.Page.blocks.size()
		if n > len(data) {
			return e, words, data, false
		}
		e.Page.data, data = data[:n], data[n:]
	}
	return e, words, data, ok
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
	n := int(le.Uint16(b[20:]))
	if streamHead+8*n+streamTag > len(b) {
		return p, false
	}
	words, data := b[streamHead:streamHead+8*n], b[streamHead+8*n:len(b)-streamTag]
	pages, ok := countPages(words, data)
	if !ok {
		return p, false
	}
	return Pages{
		Move: MoveID{le.Uint64(b), le.Uint64(b[8:])}, Seq: le.Uint32(b[16:]), Round: int(le.Uint16(b[22:])), Count: pages,
		words: words, data: data, body: b[:len(b)-streamTag], tag: [16]byte(b[len(b)-streamTag:]),
	}, true
}

// countPages is how many pages there are; ok is false unless they are just what the words say.
func countPages(words, data []byte) (n int, ok bool) {
	for len(words) > 0 {
		var e Entry
		if e, words, data, ok = next(words, data); !ok {
			return n, false
		}
		if !Same(e.Word) && !Run(e.Word) {
			n++
		}
	}
	return n, len(data) == 0
}
