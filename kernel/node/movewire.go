package node

import (
	"encoding/binary"

	"motile/kernel/vm"
	"motile/migrate/siphash"
)

// What the two kernels of a move say to each other. All of it is transactions from
// the source's process server to the target's; the ids of a move are the source's
// boot and a number.

// moveID names a move.
type moveID struct {
	Boot uint64 `cbor:"1,keyasint"` // of the source
	Nr   uint64 `cbor:"2,keyasint"`
}

// offer asks the target to take a process.
type offer struct {
	Move    moveID      `cbor:"1,keyasint"`
	Source  int         `cbor:"2,keyasint"`
	PID     int32       `cbor:"3,keyasint"`
	Version int         `cbor:"4,keyasint"` // of the image
	CPU     [3]CPUID    `cbor:"5,keyasint"`
	Pages   int         `cbor:"6,keyasint"` // private pages, about
	Files   []fileOffer `cbor:"7,keyasint"` // immutable files it uses
	Dirs    []string    `cbor:"8,keyasint"` // directories it is in or has open
	Command string      `cbor:"9,keyasint"`
	Uptime  int64       `cbor:"10,keyasint"`
}

type fileOffer struct {
	Digest []byte `cbor:"1,keyasint"`
	Path   string `cbor:"2,keyasint"`
	Size   int64  `cbor:"3,keyasint"`
}

// offerReply accepts or says why not.
type offerReply struct {
	Refused string `cbor:"1,keyasint"` // empty: accepted
	Boot    uint64 `cbor:"2,keyasint"` // of the target
	Missing []int  `cbor:"3,keyasint"` // indices into Files
}

// moveFile carries a piece of a file that the target lacks.
type moveFile struct {
	Move   moveID `cbor:"1,keyasint"`
	Digest []byte `cbor:"2,keyasint"`
	Path   string `cbor:"3,keyasint"`
	Size   int64  `cbor:"4,keyasint"`
	Data   []byte `cbor:"5,keyasint"`
	Off    int64  `cbor:"6,keyasint"`
}

// prepare carries the image; the answer is READY.
type prepare struct {
	Move     moveID `cbor:"1,keyasint"`
	Image    []byte `cbor:"2,keyasint"`
	Messages int    `cbor:"3,keyasint"` // of the page stream, all of which were answered
}

// commit is the order to activate.
type commit struct {
	Move moveID `cbor:"1,keyasint"`
	// FrozenNs is how long the process stood still when this was sent, FrozeAt the
	// wall clock when it was frozen, if the source's was set by the time service.
	FrozenNs int64 `cbor:"2,keyasint"`
	FrozeAt  int64 `cbor:"3,keyasint"`
}

// moveAnswer is what the target says to prepare, commit and abort, and the source
// to status.
type moveAnswer struct {
	State      string `cbor:"1,keyasint"` // ready, committed, dropped, unknown; of a source: committed, aborted
	Error      string `cbor:"2,keyasint"`
	Boot       uint64 `cbor:"3,keyasint"`
	FirstRunUs int64  `cbor:"4,keyasint"`
}

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

	// streamPages fills a message to just below 64 KB: one frame where the network
	// carries such frames.
	streamPages = 15
	// streamWindow is how many messages are under way at once.
	streamWindow = 6

	streamMax = streamHead + streamPages*(8+vm.PageBytes) + streamTag

	storePage = 1 // bit 0 of a page's word
)

func storeWord(store, page int) uint64 { return uint64(store)<<40 | uint64(page)<<12 | storePage }

// pageMessage is a message under construction: words first, then pages.
type pageMessage struct {
	words []uint64
	pages []*[vm.PageBytes]byte
}

func (m *pageMessage) add(word uint64, p *[vm.PageBytes]byte) {
	m.words = append(m.words, word)
	m.pages = append(m.pages, p)
}

func (m *pageMessage) full() bool { return len(m.words) == streamPages }

// encode lays the message out in buf, which is large enough.
func (m *pageMessage) encode(buf []byte, id moveID, seq uint32, key *[16]byte) []byte {
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

// decodePages checks a message's form and returns its parts.
func decodePages(b []byte) (id moveID, seq uint32, words []byte, pages []byte, ok bool) {
	le := binary.LittleEndian
	if len(b) < streamHead+streamTag {
		return
	}
	id = moveID{le.Uint64(b), le.Uint64(b[8:])}
	seq = le.Uint32(b[16:])
	n := int(le.Uint32(b[20:]))
	if n > streamPages || len(b) != streamHead+n*(8+vm.PageBytes)+streamTag {
		return
	}
	return id, seq, b[streamHead : streamHead+8*n], b[streamHead+8*n : len(b)-streamTag], true
}

func isZero(p *[vm.PageBytes]byte) bool {
	for i := 0; i < vm.PageBytes; i += 8 {
		if binary.LittleEndian.Uint64(p[i:]) != 0 {
			return false
		}
	}
	return true
}
