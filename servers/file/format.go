package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"motile/ipc/capability"
	"motile/ipc/filesys"
)

// What is on storage, besides the contents of files. All numbers are big-endian. Each file
// is
//
//	4  "FILR" a root, "FILP" a part of the table of inodes, "FILJ" a record of the journal
//	1  version
//	…  below
//	4  CRC-32C of all that
//
// A file that it names is how many copies there are, and their capabilities. In version 1
// it is one capability.
const (
	rootMagic    = "FILR"
	partMagic    = "FILP"
	journalMagic = "FILJ"

	formatVersion = 2
	frame         = 4 + 1 + 4 // what a file has around its body
)

// ErrDamaged and ErrVersion say why something on storage cannot be read.
var (
	ErrDamaged = errors.New("what is on storage is damaged")
	ErrVersion = errors.New("what is on storage is of another version")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// root is what the anchor names: a checkpoint, and whose journal continues it.
type root struct {
	claim uint64 // counts the servers that have taken the storage over
	life  uint64 // claim of the one whose journal it is
	seq   uint64 // of the first record of the journal that is not in the parts
	head
	parts []part // by index
}

// part is where a part of the table is.
type part struct {
	index uint64
	file  File
}

// head is what belongs to no inode.
type head struct {
	stamp uint64 // the server's
	last  uint64 // number that an inode got
	boots []boot // by node
}

// boot is a node that has had files open.
type boot struct {
	node uint32
	boot uint64
}

// journalRecord is what has changed from one cut to the next.
type journalRecord struct {
	life, seq uint64
	head
	gone    []uint64
	records []record
}

// record is an inode, or how it has changed.
type record struct {
	number              uint64
	secret              capability.Secret
	mode, nlink         uint32
	mtime, atime, ctime int64
	size                int64
	cookie              uint64
	target              string
	offsets             []offset      // by id
	removed             []uint64      // cookies of names that went
	names               []nameRecord  // new ones, by cookie
	cutOff              int64         // content.cutOff
	blocks              []blockRecord // those that have changed since, by index
}

type offset struct {
	id [16]byte
	at int64
}

type nameRecord struct {
	cookie, number uint64
	name           string
}

// blockRecord is a block: in a file, or here.
type blockRecord struct {
	index int64
	size  int
	file  File
	data  []byte // of size bytes; nil: it is in the file

	write *blockWrite // what becomes a file, or data, when the record is encoded
}

// Lengths of what has a fixed one.
const (
	headLen   = 8 + 8 + 4
	bootLen   = 4 + 8
	partLen   = 8 + 1
	offsetLen = 16 + 8
	nameLen   = 8 + 8 + 2
	blockLen  = 8 + 4 + 1
	recordLen = 8 + capability.Size + 2*4 + 4*8 + 8 + 2 + 3*4 + 8 + 4
)

var be = binary.BigEndian

func begin(magic string) []byte { return append([]byte(magic), formatVersion) }

func seal(b []byte) []byte { return be.AppendUint32(b, crc32.Checksum(b, castagnoli)) }

// unseal is the body of a file.
func unseal(b []byte, magic string) (*reader, error) {
	if len(b) < frame || string(b[:4]) != magic {
		return nil, ErrDamaged
	}
	if b[4] == 0 || b[4] > formatVersion {
		return nil, fmt.Errorf("%w: %d, this server's is %d", ErrVersion, b[4], formatVersion)
	}
	end := len(b) - 4
	if crc32.Checksum(b[:end], castagnoli) != be.Uint32(b[end:]) {
		return nil, ErrDamaged
	}
	return &reader{b: b[5:end], version: b[4]}, nil
}

func (h *head) append(b []byte) []byte {
	b = be.AppendUint64(be.AppendUint64(b, h.stamp), h.last)
	b = be.AppendUint32(b, uint32(len(h.boots)))
	for _, x := range h.boots {
		b = be.AppendUint64(be.AppendUint32(b, x.node), x.boot)
	}
	return b
}

func (h *head) read(r *reader) {
	h.stamp, h.last = r.u64(), r.u64()
	for range r.count(bootLen) {
		h.boots = append(h.boots, boot{r.u32(), r.u64()})
	}
}

func (x *root) encode() []byte {
	b := begin(rootMagic)
	b = be.AppendUint64(be.AppendUint64(be.AppendUint64(b, x.claim), x.life), x.seq)
	b = x.head.append(b)
	b = be.AppendUint32(b, uint32(len(x.parts)))
	for i := range x.parts {
		b = x.parts[i].file.append(be.AppendUint64(b, x.parts[i].index))
	}
	return seal(b)
}

func decodeRoot(b []byte) (x root, err error) {
	r, err := unseal(b, rootMagic)
	if err != nil {
		return x, err
	}
	x.claim, x.life, x.seq = r.u64(), r.u64(), r.u64()
	x.head.read(r)
	for range r.count(partLen) {
		x.parts = append(x.parts, part{r.u64(), r.file()})
	}
	return x, r.end()
}

func encodePart(index uint64, records []record) []byte {
	return seal(appendRecords(be.AppendUint64(begin(partMagic), index), records))
}

func decodePart(b []byte) (index uint64, records []record, err error) {
	r, err := unseal(b, partMagic)
	if err != nil {
		return 0, nil, err
	}
	index, records = r.u64(), r.records()
	return index, records, r.end()
}

func (j *journalRecord) encode() []byte {
	b := be.AppendUint64(be.AppendUint64(begin(journalMagic), j.life), j.seq)
	b = j.head.append(b)
	b = be.AppendUint32(b, uint32(len(j.gone)))
	for _, n := range j.gone {
		b = be.AppendUint64(b, n)
	}
	return seal(appendRecords(b, j.records))
}

func decodeJournal(b []byte) (j journalRecord, err error) {
	r, err := unseal(b, journalMagic)
	if err != nil {
		return j, err
	}
	j.life, j.seq = r.u64(), r.u64()
	j.head.read(r)
	for range r.count(8) {
		j.gone = append(j.gone, r.u64())
	}
	j.records = r.records()
	return j, r.end()
}

func appendRecords(b []byte, list []record) []byte {
	b = be.AppendUint32(b, uint32(len(list)))
	for i := range list {
		b = list[i].append(b)
	}
	return b
}

func (x *record) append(b []byte) []byte {
	b = append(be.AppendUint64(b, x.number), x.secret[:]...)
	b = be.AppendUint32(be.AppendUint32(b, x.mode), x.nlink)
	for _, v := range []int64{x.mtime, x.atime, x.ctime, x.size} {
		b = be.AppendUint64(b, uint64(v))
	}
	b = be.AppendUint64(b, x.cookie)
	b = append(be.AppendUint16(b, uint16(len(x.target))), x.target...)
	b = be.AppendUint32(b, uint32(len(x.offsets)))
	for _, o := range x.offsets {
		b = be.AppendUint64(append(b, o.id[:]...), uint64(o.at))
	}
	b = be.AppendUint32(b, uint32(len(x.removed)))
	for _, c := range x.removed {
		b = be.AppendUint64(b, c)
	}
	b = be.AppendUint32(b, uint32(len(x.names)))
	for _, e := range x.names {
		b = be.AppendUint64(be.AppendUint64(b, e.cookie), e.number)
		b = append(be.AppendUint16(b, uint16(len(e.name))), e.name...)
	}
	b = be.AppendUint64(b, uint64(x.cutOff))
	b = be.AppendUint32(b, uint32(len(x.blocks)))
	for i := range x.blocks {
		b = x.blocks[i].append(b)
	}
	return b
}

func (x *blockRecord) append(b []byte) []byte {
	file, data := x.file, x.data
	if w := x.write; w != nil {
		if file = w.file; w.inline {
			data = w.data
		}
	}
	b = be.AppendUint32(be.AppendUint64(b, uint64(x.index)), uint32(x.size))
	if data != nil {
		return append(append(b, 1), data...)
	}
	return file.append(append(b, 0))
}

// reader reads a body. What is too short reads as zeros, and end says so.
type reader struct {
	b       []byte
	bad     bool
	version byte
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u16() uint16 { return be.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return be.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return be.Uint64(r.take(8)) }

func (r *reader) capability() capability.Capability {
	c, _ := capability.Decode(r.take(capability.EncodedLen))
	return c
}

func (f File) append(b []byte) []byte {
	n := len(b)
	b = append(b, 0)
	for _, c := range f {
		if !c.IsNull() {
			b = c.Append(b)
			b[n]++
		}
	}
	return b
}

// file reads the copies of a file, in the order in which they are there.
func (r *reader) file() (f File) {
	if r.version == 1 {
		f[0] = r.capability()
		return f
	}
	n := int(r.take(1)[0])
	if n > len(f) {
		r.bad = true
		return f
	}
	for i := range n {
		f[i] = r.capability()
		r.bad = r.bad || f[i].IsNull()
	}
	return f
}

// count is how many things follow, each of so many bytes at least.
func (r *reader) count(each int) int {
	n := int64(r.u32())
	if n*int64(each) > int64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) text(most int) string {
	n := int(r.u16())
	if n > most {
		r.bad = true
		return ""
	}
	return string(r.take(n))
}

// end is nil if all was read, and nothing more.
func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return ErrDamaged
	}
	return nil
}

func (r *reader) records() (list []record) {
	for range r.count(recordLen) {
		if r.bad {
			return nil
		}
		list = append(list, r.record())
	}
	return list
}

func (r *reader) record() (x record) {
	x.number = r.u64()
	x.secret = capability.Secret(r.take(len(x.secret)))
	x.mode, x.nlink = r.u32(), r.u32()
	x.mtime, x.atime, x.ctime, x.size = int64(r.u64()), int64(r.u64()), int64(r.u64()), int64(r.u64())
	x.cookie = r.u64()
	x.target = r.text(filesys.MaxPath)
	for range r.count(offsetLen) {
		x.offsets = append(x.offsets, offset{[16]byte(r.take(16)), int64(r.u64())})
	}
	for range r.count(8) {
		x.removed = append(x.removed, r.u64())
	}
	for range r.count(nameLen) {
		x.names = append(x.names, nameRecord{r.u64(), r.u64(), r.text(maxName)})
	}
	x.cutOff = int64(r.u64())
	for range r.count(blockLen) {
		x.blocks = append(x.blocks, r.block())
	}
	if x.size < 0 || x.size > maxSize || x.cutOff < 0 {
		r.bad = true
	}
	return x
}

// maxName is the longest name.
const maxName = 255

func (r *reader) block() (x blockRecord) {
	x.index, x.size = int64(r.u64()), int(r.u32())
	if x.index < 0 || x.index > maxSize/blockSize || x.size <= 0 || x.size > blockSize {
		r.bad = true
		return x
	}
	switch r.take(1)[0] {
	case 0:
		x.file = r.file()
	case 1:
		x.data = append([]byte(nil), r.take(x.size)...)
	default:
		r.bad = true
	}
	return x
}
