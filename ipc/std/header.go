package std

import (
	"encoding/binary"

	"motile/ipc/capability"
)

// HeaderLen is the length of a header, on the wire and in user memory alike.
const HeaderLen = 64

// A Header goes before the data of every request and reply. Its layout in
// memory is the layout of the two encodings below: 64 bytes, every field
// aligned, nothing between them.
//
//	offset  size  field
//	     0    16  Port      put-port of the service (get-port in getreq)
//	    16     8  Object    \
//	    24     4  Rights     } the private part of a capability
//	    28    16  Check     /
//	    44     4  Command   request: what to do; reply: status
//	    48     8  Offset    meaning up to the command
//	    56     4  Size      meaning up to the command
//	    60     4  Extra     meaning up to the command
//
// Amoeba's header is 32 bytes: ports of 6 bytes, a signature field that was
// never used (dropped here), and 16-bit command, size and extra.
type Header struct {
	Port    capability.Port
	Object  uint64
	Rights  capability.Rights
	Check   [capability.Size]byte
	Command uint32
	Offset  uint64
	Size    uint32
	Extra   uint32
}

// Capability returns the capability that the header names.
func (h *Header) Capability() capability.Capability {
	return capability.Capability{Port: h.Port, Object: h.Object, Rights: h.Rights, Check: h.Check}
}

// SetCapability makes the header name c.
func (h *Header) SetCapability(c capability.Capability) {
	h.Port, h.Object, h.Rights, h.Check = c.Port, c.Object, c.Rights, c.Check
}

// Status returns the command field of a reply.
func (h *Header) Status() Status { return Status(int32(h.Command)) }

// SetStatus makes the header a reply with that status.
func (h *Header) SetStatus(s Status) { h.Command = uint32(s) }

// The two encodings are spelt out twice, because a byte order behind an
// interface costs an indirect call for each field of each message.

// PutWire encodes h big-endian, as everything on the network is.
func (h *Header) PutWire(b *[HeaderLen]byte) {
	copy(b[0:16], h.Port[:])
	binary.BigEndian.PutUint64(b[16:24], h.Object)
	binary.BigEndian.PutUint32(b[24:28], uint32(h.Rights))
	copy(b[28:44], h.Check[:])
	binary.BigEndian.PutUint32(b[44:48], h.Command)
	binary.BigEndian.PutUint64(b[48:56], h.Offset)
	binary.BigEndian.PutUint32(b[56:60], h.Size)
	binary.BigEndian.PutUint32(b[60:64], h.Extra)
}

// GetWire decodes what PutWire wrote.
func (h *Header) GetWire(b *[HeaderLen]byte) {
	h.Port = capability.Port(b[0:16])
	h.Object = binary.BigEndian.Uint64(b[16:24])
	h.Rights = capability.Rights(binary.BigEndian.Uint32(b[24:28]))
	h.Check = [capability.Size]byte(b[28:44])
	h.Command = binary.BigEndian.Uint32(b[44:48])
	h.Offset = binary.BigEndian.Uint64(b[48:56])
	h.Size = binary.BigEndian.Uint32(b[56:60])
	h.Extra = binary.BigEndian.Uint32(b[60:64])
}

// PutUser encodes h as a program on this machine (amd64) sees it in memory.
func (h *Header) PutUser(b *[HeaderLen]byte) {
	copy(b[0:16], h.Port[:])
	binary.LittleEndian.PutUint64(b[16:24], h.Object)
	binary.LittleEndian.PutUint32(b[24:28], uint32(h.Rights))
	copy(b[28:44], h.Check[:])
	binary.LittleEndian.PutUint32(b[44:48], h.Command)
	binary.LittleEndian.PutUint64(b[48:56], h.Offset)
	binary.LittleEndian.PutUint32(b[56:60], h.Size)
	binary.LittleEndian.PutUint32(b[60:64], h.Extra)
}

// GetUser decodes a header from a program's memory.
func (h *Header) GetUser(b *[HeaderLen]byte) {
	h.Port = capability.Port(b[0:16])
	h.Object = binary.LittleEndian.Uint64(b[16:24])
	h.Rights = capability.Rights(binary.LittleEndian.Uint32(b[24:28]))
	h.Check = [capability.Size]byte(b[28:44])
	h.Command = binary.LittleEndian.Uint32(b[44:48])
	h.Offset = binary.LittleEndian.Uint64(b[48:56])
	h.Size = binary.LittleEndian.Uint32(b[56:60])
	h.Extra = binary.LittleEndian.Uint32(b[60:64])
}
