package filesys

import (
	"encoding/binary"

	"motile/ipc/capability"
)

// The data of requests and replies: big-endian, strings with their length in 16 bits
// before them. Decoders return what is left, and false for what is cut off.

var be = binary.BigEndian

// reader takes values from the front of b; bad says that there were not enough.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8   { return r.take(1)[0] }
func (r *reader) u16() uint16 { return be.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return be.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return be.Uint64(r.take(8)) }

func (r *reader) text(max int) string {
	n := int(r.u16())
	if r.bad || n > max || n > len(r.b) {
		r.bad, r.b = true, nil
		return ""
	}
	return string(r.take(n))
}

// putText appends a string that is short enough for its length.
func putText(b []byte, s string) []byte {
	return append(be.AppendUint16(b, uint16(len(s))), s...)
}

// Place is a path below the directory of the header's capability. Root is the object at
// which the name space of whoever asks begins: ".." there leads out of the server.
type Place struct {
	Root uint64
	Path string // at most MaxPath; empty: the object of the header
}

// Append encodes p.
func (p *Place) Append(b []byte) []byte {
	return putText(be.AppendUint64(b, p.Root), p.Path)
}

// DecodePlace reads a Place and returns the rest.
func DecodePlace(b []byte) (p Place, rest []byte, ok bool) {
	r := reader{b: b}
	p = Place{Root: r.u64(), Path: r.text(MaxPath)}
	return p, r.b, !r.bad
}

// Two is the data of Rename and Link: the place in the directory of the header, and the
// one in the directory of another capability of the same server.
type Two struct {
	From   Place
	Object uint64
	Rights uint32
	Check  [16]byte
	To     Place
}

// Append encodes t.
func (t *Two) Append(b []byte) []byte {
	b = be.AppendUint32(be.AppendUint64(t.From.Append(b), t.Object), t.Rights)
	return t.To.Append(append(b, t.Check[:]...))
}

// DecodeTwo reads a Two.
func DecodeTwo(b []byte) (t Two, ok bool) {
	if t.From, b, ok = DecodePlace(b); !ok {
		return t, false
	}
	r := reader{b: b}
	t.Object, t.Rights = r.u64(), r.u32()
	copy(t.Check[:], r.take(len(t.Check)))
	if t.To, b, ok = DecodePlace(r.b); !ok || r.bad || len(b) > 0 {
		return t, false
	}
	return t, true
}

// Opener is the node on which a file is opened.
type Opener struct {
	Node uint32
	Boot uint64 // this run of it
	Seq  uint64 // of what it says, see PROTOCOL.md
}

// Append encodes o.
func (o *Opener) Append(b []byte) []byte {
	return be.AppendUint64(be.AppendUint64(be.AppendUint32(b, o.Node), o.Boot), o.Seq)
}

// DecodeOpener reads an Opener and returns the rest.
func DecodeOpener(b []byte) (o Opener, rest []byte, ok bool) {
	r := reader{b: b}
	o = Opener{Node: r.u32(), Boot: r.u64(), Seq: r.u64()}
	return o, r.b, !r.bad
}

// Held is a file that a node has open, in Hold, or open no more, in Release.
type Held struct {
	Object uint64
	Check  [16]byte // of the capability with Rights
	Rights uint32
	Write  bool   // it has descriptions that can be written
	Upto   uint64 // in Release: opens under higher numbers are not meant
	From   uint32 // in Hold: it was opened in the name of this node, as number Upto; 0: of ours

	// In Hold: whose locks of the file have come to the node.
	Lock [16]byte // a description's, see LockOwner
	PIDs []int32  // processes', at most maxLockers
}

// maxLockers is how many processes come to a node at one time.
const maxLockers = 4096

// Append encodes h.
func (h *Held) Append(b []byte) []byte {
	b = be.AppendUint32(append(be.AppendUint64(b, h.Object), h.Check[:]...), h.Rights)
	w := byte(0)
	if h.Write {
		w = 1
	}
	b = be.AppendUint32(be.AppendUint64(append(b, w), h.Upto), h.From)
	b = be.AppendUint16(append(b, h.Lock[:]...), uint16(len(h.PIDs)))
	for _, pid := range h.PIDs {
		b = be.AppendUint32(b, uint32(pid))
	}
	return b
}

// DecodeHeld reads a Held and returns the rest.
func DecodeHeld(b []byte) (h Held, rest []byte, ok bool) {
	r := reader{b: b}
	h.Object = r.u64()
	copy(h.Check[:], r.take(len(h.Check)))
	h.Rights = r.u32()
	w := r.u8()
	h.Write, h.Upto, h.From = w == 1, r.u64(), r.u32()
	copy(h.Lock[:], r.take(len(h.Lock)))
	n := int(r.u16())
	if n > maxLockers || 4*n > len(r.b) {
		return h, nil, false
	}
	for range n {
		h.PIDs = append(h.PIDs, int32(r.u32()))
	}
	return h, r.b, !r.bad && w <= 1
}

// Change is what Set sets: what Mask says.
type Change struct {
	Mask  uint32
	Mode  uint32
	Mtime int64 // ns since 1970
	Atime int64
	Size  int64
}

// Bits of Change.Mask.
const (
	SetMode  = 1
	SetMtime = 2
	SetAtime = 4
	SetSize  = 8
	Grow     = 16 // with SetSize: not to less than it is
)

// Append encodes c.
func (c *Change) Append(b []byte) []byte {
	b = be.AppendUint32(be.AppendUint32(b, c.Mask), c.Mode)
	b = be.AppendUint64(be.AppendUint64(b, uint64(c.Mtime)), uint64(c.Atime))
	return be.AppendUint64(b, uint64(c.Size))
}

// DecodeChange reads a Change and returns the rest.
func DecodeChange(b []byte) (c Change, rest []byte, ok bool) {
	r := reader{b: b}
	c = Change{Mask: r.u32(), Mode: r.u32(), Mtime: int64(r.u64()), Atime: int64(r.u64()), Size: int64(r.u64())}
	return c, r.b, !r.bad
}

// Attr describes a file.
type Attr struct {
	Object  uint64 // the inode's number
	Mode    uint32 // type and permissions
	Nlink   uint32
	Size    int64
	Mtime   int64
	Atime   int64
	Ctime   int64
	Version uint64 // grows whenever the contents change
}

// Append encodes a.
func (a *Attr) Append(b []byte) []byte {
	b = be.AppendUint64(b, a.Object)
	b = be.AppendUint32(be.AppendUint32(b, a.Mode), a.Nlink)
	for _, v := range []int64{a.Size, a.Mtime, a.Atime, a.Ctime} {
		b = be.AppendUint64(b, uint64(v))
	}
	return be.AppendUint64(b, a.Version)
}

func (r *reader) attr() Attr {
	return Attr{Object: r.u64(), Mode: r.u32(), Nlink: r.u32(), Size: int64(r.u64()), Mtime: int64(r.u64()),
		Atime: int64(r.u64()), Ctime: int64(r.u64()), Version: r.u64()}
}

// Found is what a path led to.
type Found struct {
	Attr
	Grant uint64 // of Open: the node may keep pages; 0: it may not
	Path  string // from the root of the mount, without a slash before or behind it
}

// Append encodes f.
func (f *Found) Append(b []byte) []byte {
	return putText(be.AppendUint64(f.Attr.Append(b), f.Grant), f.Path)
}

// DecodeFound reads a Found.
func DecodeFound(b []byte) (f Found, ok bool) {
	r := reader{b: b}
	f.Attr, f.Grant, f.Path = r.attr(), r.u64(), r.text(MaxPath)
	return f, !r.bad && len(r.b) == 0 && f.Size >= 0
}

// Way is where a path goes on that leaves the server: the first or second of a request,
// absolute, or from the directory in which the mount with that root is.
type Way struct {
	Which uint8
	Root  uint64
	Path  string
}

// Append encodes w.
func (w *Way) Append(b []byte) []byte {
	return putText(be.AppendUint64(append(b, w.Which), w.Root), w.Path)
}

// DecodeWay reads a Way.
func DecodeWay(b []byte) (w Way, ok bool) {
	r := reader{b: b}
	w = Way{Which: r.u8(), Root: r.u64(), Path: r.text(MaxPath)}
	return w, !r.bad && w.Which <= 1 && len(r.b) == 0 && w.Path != ""
}

// Entry is a name in a directory.
type Entry struct {
	Object uint64
	Next   uint64 // cookie of what follows
	Type   uint8  // Mode's type bits, shifted by 12
	Name   string
}

// EntrySize is what an Entry takes beside its name.
const EntrySize = 19

// Append encodes e.
func (e *Entry) Append(b []byte) []byte {
	return putText(append(be.AppendUint64(be.AppendUint64(b, e.Object), e.Next), e.Type), e.Name)
}

// DecodeEntry reads an Entry and returns the rest.
func DecodeEntry(b []byte) (e Entry, rest []byte, ok bool) {
	r := reader{b: b}
	e = Entry{Object: r.u64(), Next: r.u64(), Type: r.u8(), Name: r.text(255)}
	return e, r.b, !r.bad && e.Name != ""
}

// Written is the state of a file after a Write, or at a Read.
type Written struct {
	Version uint64
	Size    int64
	Mtime   int64
}

// Append encodes w.
func (w *Written) Append(b []byte) []byte {
	return be.AppendUint64(be.AppendUint64(be.AppendUint64(b, w.Version), uint64(w.Size)), uint64(w.Mtime))
}

// DecodeWritten reads a Written and returns the rest.
func DecodeWritten(b []byte) (w Written, rest []byte, ok bool) {
	r := reader{b: b}
	w = Written{Version: r.u64(), Size: int64(r.u64()), Mtime: int64(r.u64())}
	return w, r.b, !r.bad && w.Size >= 0
}

// Shared is an offset that the server keeps, because processes on several nodes have the
// description that it belongs to. Whoever uses it first makes it, at Start.
type Shared struct {
	ID    [16]byte
	Start int64
}

// Append encodes s.
func (s *Shared) Append(b []byte) []byte {
	return be.AppendUint64(append(b, s.ID[:]...), uint64(s.Start))
}

// DecodeShared reads a Shared and returns the rest.
func DecodeShared(b []byte) (s Shared, rest []byte, ok bool) {
	r := reader{b: b}
	copy(s.ID[:], r.take(len(s.ID)))
	s.Start = int64(r.u64())
	return s, r.b, !r.bad && s.Start >= 0
}

// Room is how much space a server has, in bytes, and how many files.
type Room struct {
	Total, Free uint64
	Files       uint64
}

// Append encodes r.
func (r *Room) Append(b []byte) []byte {
	return be.AppendUint64(be.AppendUint64(be.AppendUint64(b, r.Total), r.Free), r.Files)
}

// DecodeRoom reads a Room.
func DecodeRoom(b []byte) (v Room, ok bool) {
	r := reader{b: b}
	v = Room{Total: r.u64(), Free: r.u64(), Files: r.u64()}
	return v, !r.bad && len(r.b) == 0
}

// Recalled is the data of Recall: of which server's file, and when: grants with a lower
// stamp do not count any more.
type Recalled struct {
	Port  capability.Port
	Stamp uint64
}

// Append encodes r.
func (r *Recalled) Append(b []byte) []byte {
	return be.AppendUint64(append(b, r.Port[:]...), r.Stamp)
}

// DecodeRecalled reads a Recalled.
func DecodeRecalled(b []byte) (v Recalled, ok bool) {
	r := reader{b: b}
	copy(v.Port[:], r.take(len(v.Port)))
	v.Stamp = r.u64()
	return v, !r.bad && len(r.b) == 0
}
