package bullet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"motile/ipc/capability"
)

// The superblock, big-endian:
//
//	offset  size
//	     0     8  magic
//	     8     4  version of the layout
//	    12     4  checksum of the block, with zeros here
//	    16    16  a random number of the disk's own
//	    32     8  blocks of the disk
//	    40     8  inodes
//	    48     8  first block of data
//	    56     8  number of a batch: it, and those before it, are whole on the disk
//	    64        zeros
var magic = [8]byte{'M', 'o', 't', 'B', 'u', 'l', 'l', 't'}

const version = 1

// superblock is what a disk says of itself.
type superblock struct {
	id     [16]byte
	blocks uint64
	inodes uint64
	data   uint64 // first block of it
}

// An inode, big-endian; a free one is zeros:
//
//	offset  size
//	     0     4  checksum of the rest, the inode's number and the disk's id
//	     4     4  1
//	     8     8  first block
//	    16     8  bytes
//	    24     4  checksum of the contents
//	    28     4  zeros
//	    32    16  secret: capabilities are checked against it
//	    48     8  number of the batch that it was written in
//	    56     8  tag: who keeps his state in files finds them by it
type inode struct {
	start  uint64
	size   uint64
	sum    uint32
	secret capability.Secret
	batch  uint64
	tag    uint64
}

const (
	inodeSize  = 64
	perBlock   = blockSize / inodeSize
	inUse      = 1
	tableStart = 1

	// blocksPerInode is how many blocks of a disk there are for each inode: files that
	// are shorter on average use the inodes up before the blocks.
	blocksPerInode = 8

	// Bounds of a disk: number 0 is the server's own.
	minBlocks = 64
	maxInodes = 1 << 22
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum of contents, continued from that of what is before.
func checksum(sum uint32, p []byte) uint32 { return crc32.Update(sum, castagnoli, p) }

// plan lays out a disk.
func plan(blocks uint64, id [16]byte) (superblock, error) {
	if blocks < minBlocks {
		return superblock{}, fmt.Errorf("a disk of %d blocks is too small: %d are needed", blocks, minBlocks)
	}
	table := min(blocks/blocksPerInode, maxInodes) / perBlock
	return superblock{id: id, blocks: blocks, inodes: table * perBlock, data: tableStart + table}, nil
}

// encode makes a superblock that says up to which batch all is whole.
func (b *superblock) encode(whole uint64) []byte {
	p := make([]byte, blockSize)
	copy(p, magic[:])
	binary.BigEndian.PutUint32(p[8:], version)
	copy(p[16:], b.id[:])
	binary.BigEndian.PutUint64(p[32:], b.blocks)
	binary.BigEndian.PutUint64(p[40:], b.inodes)
	binary.BigEndian.PutUint64(p[48:], b.data)
	binary.BigEndian.PutUint64(p[56:], whole)
	binary.BigEndian.PutUint32(p[12:], checksum(0, p))
	return p
}

// decodeSuper reads a superblock of a disk that has so many blocks.
func decodeSuper(p []byte, blocks uint64) (b superblock, whole uint64, err error) {
	if [8]byte(p) != magic {
		return b, 0, errForeign
	}
	if v := binary.BigEndian.Uint32(p[8:]); v != version {
		return b, 0, fmt.Errorf("its layout is of version %d, and this server knows version %d: use the server that wrote it, or format it (motiled bullet --format), which destroys all files", v, version)
	}
	plain := bytes.Clone(p)
	clear(plain[12:16])
	if binary.BigEndian.Uint32(p[12:]) != checksum(0, plain) {
		return b, 0, errDamaged
	}
	b = superblock{
		id:     [16]byte(p[16:32]),
		blocks: binary.BigEndian.Uint64(p[32:]),
		inodes: binary.BigEndian.Uint64(p[40:]),
		data:   binary.BigEndian.Uint64(p[48:]),
	}
	switch {
	case b.blocks > blocks:
		return b, 0, fmt.Errorf("it was made for %d blocks and has %d now: give it its size back", b.blocks, blocks)
	case b.inodes > maxInodes || b.inodes%perBlock != 0 || b.data != tableStart+b.inodes/perBlock || b.data >= b.blocks:
		return b, 0, errDamaged
	}
	return b, binary.BigEndian.Uint64(p[56:]), nil
}

func (b *superblock) seal(number uint64, p []byte) uint32 {
	var of [8]byte
	binary.BigEndian.PutUint64(of[:], number)
	return checksum(checksum(checksum(0, b.id[:]), of[:]), p[4:inodeSize])
}

// encodeInode writes an inode into its 64 bytes.
func (b *superblock) encodeInode(p []byte, number uint64, i *inode) {
	clear(p[:inodeSize])
	if *i == (inode{}) {
		return
	}
	binary.BigEndian.PutUint32(p[4:], inUse)
	binary.BigEndian.PutUint64(p[8:], i.start)
	binary.BigEndian.PutUint64(p[16:], i.size)
	binary.BigEndian.PutUint32(p[24:], i.sum)
	copy(p[32:], i.secret[:])
	binary.BigEndian.PutUint64(p[48:], i.batch)
	binary.BigEndian.PutUint64(p[56:], i.tag)
	binary.BigEndian.PutUint32(p, b.seal(number, p))
}

// decodeInode reads one; used is false if it is free. An inode whose checksum does not
// fit, or that lies outside the data, is not sound.
func (b *superblock) decodeInode(p []byte, number uint64) (i inode, used, sound bool) {
	if [inodeSize]byte(p) == ([inodeSize]byte{}) {
		return i, false, true
	}
	i = inode{
		start:  binary.BigEndian.Uint64(p[8:]),
		size:   binary.BigEndian.Uint64(p[16:]),
		sum:    binary.BigEndian.Uint32(p[24:]),
		secret: capability.Secret(p[32:48]),
		batch:  binary.BigEndian.Uint64(p[48:]),
		tag:    binary.BigEndian.Uint64(p[56:]),
	}
	end := b.blocks - 1 // the last is the superblock's copy
	switch {
	case binary.BigEndian.Uint32(p) != b.seal(number, p), binary.BigEndian.Uint32(p[4:]) != inUse:
		return i, true, false
	case i.start < b.data, i.start > end, i.size > (end-i.start)*blockSize:
		return i, true, false
	}
	return i, true, true
}

// place is the block of the table that an inode is in, and where.
func place(number uint64) (block uint64, at int) {
	return tableStart + number/perBlock, int(number%perBlock) * inodeSize
}
