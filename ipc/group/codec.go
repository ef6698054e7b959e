package group

import (
	"encoding/binary"
	"errors"

	"motile/ipc/flip"
	"motile/ipc/std"
)

// The encoding of MemberState is its fields in the order of the declarations,
// big-endian, behind a version byte. Lists and data have their length in front, as
// 32 bits. One state has one encoding.

const stateVersion = 1

const bodyMin = std.HeaderLen

func stdStatus(v int32) std.Status { return std.Status(v) }

// ErrState says that bytes are not the encoding of a MemberState.
var ErrState = errors.New("group: not the state of a member")

// Append adds the encoding of st to b.
func (st *MemberState) Append(b []byte) []byte {
	w := &coder{b: append(b, stateVersion), out: true}
	w.state(st)
	return w.b
}

// DecodeState decodes exactly b. The data of messages in the result are parts of b.
// That it decodes does not mean that it makes sense: Import looks into that.
func DecodeState(b []byte) (*MemberState, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return nil, ErrState
	}
	st := &MemberState{}
	r := &coder{b: b[1:]}
	r.state(st)
	if r.bad || len(r.b) != 0 {
		return nil, ErrState
	}
	return st, nil
}

// coder writes the fields it is shown, or reads them: so both directions have one
// description.
type coder struct {
	b   []byte
	out bool
	bad bool // reading: there was not enough
}

func (c *coder) state(st *MemberState) {
	c.addr(&st.Identity.Private)
	c.addr(&st.Identity.Public)
	c.u32(&st.Identity.Epoch)
	c.u64(&st.Identity.MessID)
	c.addr(&st.Server)
	port := flip.Address(st.Port)
	c.addr(&port)
	st.Port = [16]byte(port)
	c.num(&st.Params.Resilience)
	c.num(&st.Params.MaxGroup)
	c.num(&st.Params.LogBuffers)
	c.num(&st.Params.LogMaxMessage)
	c.num(&st.Params.Large)
	c.u8(&st.Phase)
	c.flag(&st.Begun)
	c.flag(&st.Orphan)
	c.addr(&st.Group)
	c.u64(&st.View)
	c.u64(&st.Promised)
	c.u16(&st.Index)
	c.u16(&st.Sequencer)
	list(c, &st.Table, peerLen, (*coder).peer)
	c.data(&st.Result)
	for _, v := range [...]*uint64{&st.Base, &st.Got, &st.Accepted, &st.Taken, &st.Applied, &st.Last, &st.Start} {
		c.u64(v)
	}
	list(c, &st.History, entryMin, (*coder).entry)
	c.u64(&st.MessID)
	list(c, &st.Sends, sendMin, (*coder).send)
	list(c, &st.Receivers, receiverLen, (*coder).receiver)
	list(c, &st.BB, earlyMin, (*coder).early)
	c.i64(&st.SRTT)
	c.flag(&st.JoinActive)
	c.u32(&st.JoinSlot)
	c.addr(&st.JoinTo)
	c.i64(&st.JoinLeft)
	c.u64(&st.JoinNonce)
	refused := uint32(st.JoinRefused)
	c.u32(&refused)
	st.JoinRefused = int32(refused)
	c.flag(&st.ResetWanted)
	c.u32(&st.ResetSlot)
	c.u32(&st.ResetMin)
}

// Lengths of the records, without data, to check a count before believing it.
const (
	peerLen     = 2 + 16 + 16 + 8 + 8 + 8 + 1 + 8
	entryMin    = 8 + 1 + 1 + 2 + 8 + 4
	sendMin     = 4 + 1 + 8 + 8 + 4
	receiverLen = 4 + 4
	earlyMin    = 2 + 8 + 1 + 4
)

func (c *coder) peer(p *PeerState) {
	c.u16(&p.Index)
	c.addr(&p.Addr)
	c.addr(&p.Server)
	c.u64(&p.LastMess)
	c.u64(&p.Got)
	c.u64(&p.Taken)
	c.flag(&p.Held)
	c.u64(&p.LastHeld)
}

func (c *coder) entry(e *EntryState) {
	c.u64(&e.Seqno)
	c.flag(&e.Missing)
	c.u8(&e.Kind)
	c.u16(&e.Origin)
	c.u64(&e.MessID)
	c.data(&e.Body)
}

func (c *coder) send(s *SendState) {
	c.u32(&s.Slot)
	c.u8(&s.Kind)
	c.u64(&s.MessID)
	c.u64(&s.Seqno)
	c.data(&s.Body)
}

func (c *coder) receiver(r *ReceiverState) {
	c.u32(&r.Slot)
	c.u32(&r.Room)
}

func (c *coder) early(e *EarlyState) {
	c.u16(&e.Origin)
	c.u64(&e.MessID)
	c.u8(&e.Kind)
	c.data(&e.Body)
}

// list codes a list, each element by f.
func list[T any](c *coder, l *[]T, elementMin int, f func(*coder, *T)) {
	n := uint32(len(*l))
	c.u32(&n)
	if !c.out {
		if int(n) > len(c.b)/elementMin {
			c.bad, c.b = true, nil
			return
		}
		*l = make([]T, n)
	}
	for i := range *l {
		f(c, &(*l)[i])
	}
}

// take returns the next n bytes: to be written, or to be read.
func (c *coder) take(n int) []byte {
	if c.out {
		c.b = append(c.b, make([]byte, n)...)
		return c.b[len(c.b)-n:]
	}
	if n > len(c.b) {
		c.bad, c.b = true, nil
		return make([]byte, n)
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *coder) u8(v *uint8) {
	if b := c.take(1); c.out {
		b[0] = *v
	} else {
		*v = b[0]
	}
}

func (c *coder) u16(v *uint16) {
	if b := c.take(2); c.out {
		binary.BigEndian.PutUint16(b, *v)
	} else {
		*v = binary.BigEndian.Uint16(b)
	}
}

func (c *coder) u32(v *uint32) {
	if b := c.take(4); c.out {
		binary.BigEndian.PutUint32(b, *v)
	} else {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (c *coder) u64(v *uint64) {
	if b := c.take(8); c.out {
		binary.BigEndian.PutUint64(b, *v)
	} else {
		*v = binary.BigEndian.Uint64(b)
	}
}

func (c *coder) i64(v *int64) {
	u := uint64(*v)
	c.u64(&u)
	*v = int64(u)
}

// num codes a small number that is an int.
func (c *coder) num(v *int) {
	u := uint32(*v)
	c.u32(&u)
	*v = int(u)
}

func (c *coder) flag(v *bool) {
	var u uint8
	if *v {
		u = 1
	}
	c.u8(&u)
	c.bad = c.bad || u > 1
	*v = u == 1
}

func (c *coder) addr(v *flip.Address) {
	if b := c.take(16); c.out {
		copy(b, v[:])
	} else {
		*v = flip.Address(b)
	}
}

func (c *coder) data(v *[]byte) {
	n := uint32(len(*v))
	c.u32(&n)
	if c.out {
		c.b = append(c.b, *v...)
		return
	}
	if int(n) > len(c.b) {
		c.bad, c.b = true, nil
		return
	}
	*v = c.take(int(n))
}
