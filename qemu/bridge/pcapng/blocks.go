package pcapng

import (
	"encoding/binary"
	"fmt"
	"io"
)

// blocks passes the blocks of a pcapng file on, one after the other, having looked at
// their lengths: gopacket takes a file that ends within a block for one that ends
// before it, and believes whatever length a frame claims to have.
//
//	offset  size
//	     0     4  type; 0x0a0d0d0a in either byte order: a section begins
//	     4     4  length of the block
//	     8        of a section header: 0x1a2b3c4d, which shows the byte order
//	    20     4  of an enhanced packet block: length of the frame as recorded
//	 n - 4     4  length of the block again
type blocks struct {
	in    io.Reader
	order binary.ByteOrder
	nr    int
	block []byte // read
	left  []byte // of it, not yet passed on
}

const (
	blockMin  = 12
	blockMost = 1 << 20 // ours are of one frame, of at most 64 KB

	typeSection  = 0x0a0d0d0a
	typePacket   = 6
	packetHead   = 28
	sectionMagic = 0x1a2b3c4d
)

// Read implements io.Reader.
func (b *blocks) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// next reads a block. It returns io.EOF between blocks only.
func (b *blocks) next() error {
	var head [blockMin]byte // no block is shorter
	switch n, err := io.ReadFull(b.in, head[:]); {
	case n == 0 && err == io.EOF:
		return io.EOF
	case err != nil:
		return fmt.Errorf("block %d: %w", b.nr+1, err)
	}
	b.nr++
	if binary.LittleEndian.Uint32(head[:]) == typeSection {
		b.order = binary.LittleEndian
		if b.order.Uint32(head[8:]) != sectionMagic {
			b.order = binary.BigEndian
		}
	}
	if b.order == nil {
		return ErrNotCapture
	}
	length := int(b.order.Uint32(head[4:]))
	if length < blockMin || length > blockMost || length%4 != 0 {
		return fmt.Errorf("block %d: impossible length %d", b.nr, length)
	}
	if cap(b.block) < length {
		b.block = make([]byte, length)
	}
	b.block = b.block[:length]
	copy(b.block, head[:])
	if _, err := io.ReadFull(b.in, b.block[blockMin:]); err != nil {
		return fmt.Errorf("block %d: %w", b.nr, io.ErrUnexpectedEOF)
	}
	b.left = b.block
	if int(b.order.Uint32(b.block[length-4:])) != length {
		return fmt.Errorf("block %d: its two lengths differ", b.nr)
	}
	if b.order.Uint32(head[:]) == typePacket && (length < packetHead+4 || int64(b.order.Uint32(b.block[20:])) > int64(length-packetHead-4)) {
		return fmt.Errorf("block %d: a frame longer than the block", b.nr)
	}
	return nil
}
