package rpc

import (
	"encoding/binary"
	"errors"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// The encoding of State is its fields in the order of the declarations,
// big-endian, behind a version byte. Lists and data have their length in front,
// as 32 bits. One state has one encoding.

const stateVersion = 2

// ErrState says that bytes are not the encoding of a State.
var ErrState = errors.New("rpc: not the state of an endpoint")

// Append adds the encoding of st to b.
func (st *State) Append(b []byte) []byte {
	w := writer{b}
	w.u8(stateVersion)
	w.bytes16(st.Identity.Private)
	w.bytes16(st.Identity.Public)
	w.u32(st.Identity.Epoch)
	w.u64(st.Identity.MessID)
	w.flag(st.Upcall)
	w.u64(st.NextTid)
	w.u64(uint64(st.Horizon))
	w.u32(uint32(len(st.Clients)))
	for i := range st.Clients {
		w.client(&st.Clients[i])
	}
	w.u32(uint32(len(st.Servers)))
	for i := range st.Servers {
		s := &st.Servers[i]
		w.u32(s.Slot)
		w.u8(s.Phase)
		w.bytes16(s.Get)
		w.u32(s.Room)
		w.u32(uint32(s.Row))
	}
	w.u32(uint32(len(st.Rows)))
	for i := range st.Rows {
		w.row(&st.Rows[i])
	}
	w.u32(uint32(len(st.Bindings)))
	for i := range st.Bindings {
		x := &st.Bindings[i]
		w.bytes16(x.Port)
		w.flag(x.Always)
		w.u64(uint64(x.Age))
	}
	return w.b
}

// DecodeState decodes exactly b. The data of messages in the result are parts of
// b. That it decodes does not mean that it makes sense: Import looks into that.
func DecodeState(b []byte) (*State, error) {
	r := reader{b: b}
	if r.u8() != stateVersion {
		return nil, ErrState
	}
	st := &State{}
	st.Identity = flip.Identity{Private: r.bytes16(), Public: r.bytes16(), Epoch: r.u32(), MessID: r.u64()}
	st.Upcall = r.flag()
	st.NextTid = r.u64()
	st.Horizon = int64(r.u64())
	for range r.count(clientMin) {
		st.Clients = append(st.Clients, r.client())
	}
	for range r.count(serverLen) {
		st.Servers = append(st.Servers, ServerState{Slot: r.u32(), Phase: r.u8(), Get: r.bytes16(), Room: r.u32(), Row: int32(r.u32())})
	}
	for range r.count(rowMin) {
		st.Rows = append(st.Rows, r.row())
	}
	for range r.count(bindingLen) {
		st.Bindings = append(st.Bindings, BindingState{Port: r.bytes16(), Always: r.flag(), Age: int64(r.u64())})
	}
	if r.bad || len(r.b) != 0 {
		return nil, ErrState
	}
	return st, nil
}

// Lengths of the records, without data, to check a count before believing it.
const (
	clientMin = 4 + 1 + 8 + 16 + 16 + std.HeaderLen + 4 + 4 + 1 + 4 + 1 + 1 + 8 + pullStateLen + 16 + 8 + 8 + 4 + 8 + 2 + 2
	serverLen = 4 + 1 + 16 + 4 + 4
	rowMin    = 16 + 4 + 1 + 8 + 8 + 2 + 1 + 1 + std.HeaderLen + 4 + 4 + pullStateLen + 1 + 16 + 16

	pullStateLen = 4 * 4
	bindingLen   = 16 + 1 + 8
)

func (w *writer) client(c *ClientState) {
	w.u32(c.Slot)
	w.u8(c.Phase)
	w.u64(c.Tid)
	w.bytes16(c.Port)
	w.bytes16(c.Addr)
	w.header(&c.Header)
	w.data(c.Data)
	w.u32(c.Size)
	w.flag(c.Long)
	w.u32(c.Room)
	w.u8(c.Forwards)
	w.flag(c.Secure)
	w.u64(uint64(c.Deadline))
	w.pull(&c.Pull)
	w.bytes16(c.Server)
	w.u64(uint64(c.Left))
	w.u64(uint64(c.Backoff))
	w.u32(c.Tries)
	w.u64(uint64(c.Age))
	w.u16(c.Signals)
	w.u16(c.Signalled)
}

func (r *reader) client() (c ClientState) {
	c.Slot, c.Phase, c.Tid = r.u32(), r.u8(), r.u64()
	c.Port, c.Addr = capability.Port(r.bytes16()), r.bytes16()
	r.header(&c.Header)
	c.Data = r.data()
	c.Size, c.Long, c.Room, c.Forwards = r.u32(), r.flag(), r.u32(), r.u8()
	c.Secure = r.flag()
	c.Deadline = int64(r.u64())
	c.Pull = r.pull()
	c.Server = r.bytes16()
	c.Left, c.Backoff = int64(r.u64()), int64(r.u64())
	c.Tries, c.Age = r.u32(), int64(r.u64())
	c.Signals, c.Signalled = r.u16(), r.u16()
	return c
}

func (w *writer) row(x *RowState) {
	w.bytes16(x.Client)
	w.u32(x.Slot)
	w.u8(x.Phase)
	w.u64(x.Tid)
	w.u64(uint64(x.Age))
	w.u16(x.Signals)
	w.flag(x.Secure)
	w.flag(x.Given)
	w.header(&x.Header)
	w.data(x.Data)
	w.u32(x.Size)
	w.pull(&x.Pull)
	w.flag(x.Forward)
	w.bytes16(x.Port)
	w.bytes16(x.Addr)
}

func (w *writer) pull(p *PullState) {
	w.u32(p.Size)
	w.u32(p.Part)
	w.u32(p.Base)
	w.u32(p.Have)
}

func (r *reader) pull() PullState {
	return PullState{Size: r.u32(), Part: r.u32(), Base: r.u32(), Have: r.u32()}
}

func (r *reader) row() (x RowState) {
	x.Client, x.Slot, x.Phase, x.Tid = r.bytes16(), r.u32(), r.u8(), r.u64()
	x.Age, x.Signals, x.Secure, x.Given = int64(r.u64()), r.u16(), r.flag(), r.flag()
	r.header(&x.Header)
	x.Data = r.data()
	x.Size, x.Pull = r.u32(), r.pull()
	x.Forward, x.Port, x.Addr = r.flag(), capability.Port(r.bytes16()), r.bytes16()
	return x
}

// writer appends fields.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)         { w.b = append(w.b, v) }
func (w *writer) u16(v uint16)       { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32)       { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)       { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) bytes16(v [16]byte) { w.b = append(w.b, v[:]...) }

func (w *writer) flag(v bool) {
	if v {
		w.u8(1)
	} else {
		w.u8(0)
	}
}

func (w *writer) header(h *std.Header) {
	var b [std.HeaderLen]byte
	h.PutWire(&b)
	w.b = append(w.b, b[:]...)
}

func (w *writer) data(d []byte) {
	w.u32(uint32(len(d)))
	w.b = append(w.b, d...)
}

// reader takes fields. Beyond the end it returns zeros and becomes bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad = true
		r.b = nil
		return make([]byte, n)
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8         { return r.take(1)[0] }
func (r *reader) u16() uint16       { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32       { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64       { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) bytes16() [16]byte { return [16]byte(r.take(16)) }

func (r *reader) flag() bool {
	v := r.u8()
	r.bad = r.bad || v > 1
	return v == 1
}

func (r *reader) header(h *std.Header) {
	h.GetWire((*[std.HeaderLen]byte)(r.take(std.HeaderLen)))
}

func (r *reader) data() []byte {
	n := int(r.u32())
	if n > len(r.b) {
		r.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	return r.take(n)
}

// count reads the length of a list whose records have at least min bytes.
func (r *reader) count(min int) int {
	n := int(r.u32())
	if n > len(r.b)/min {
		r.bad = true
		return 0
	}
	return n
}
