package group

import (
	"errors"

	"motile/ipc/internal/codec"
	"motile/ipc/std"
)

// The encoding of MemberState is its fields in the order of the declarations,
// big-endian, behind a version byte. Lists and data have their length in front, as
// 32 bits. One state has one encoding.

const stateVersion = 1

const bodyMin = std.HeaderLen

// ErrState says that bytes are not the encoding of a MemberState.
var ErrState = errors.New("group: not the state of a member")

// Append adds the encoding of st to b.
func (st *MemberState) Append(b []byte) []byte {
	w := codec.NewWriter(append(b, stateVersion))
	codeState(w, st)
	return w.Bytes()
}

// DecodeState decodes exactly b. The data of messages in the result are parts of b.
// That it decodes does not mean that it makes sense: Import looks into that.
func DecodeState(b []byte) (*MemberState, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return nil, ErrState
	}
	st := &MemberState{}
	r := codec.NewReader(b[1:])
	codeState(r, st)
	if !r.Complete() {
		return nil, ErrState
	}
	return st, nil
}

func codeState(c *codec.Coder, st *MemberState) {
	codec.ID(c, &st.Identity.Private)
	codec.ID(c, &st.Identity.Public)
	codec.U32(c, &st.Identity.Epoch)
	codec.U64(c, &st.Identity.MessID)
	codec.ID(c, &st.Server)
	codec.ID(c, &st.Port)
	codec.U32(c, &st.Params.Resilience)
	codec.U32(c, &st.Params.MaxGroup)
	codec.U32(c, &st.Params.LogBuffers)
	codec.U32(c, &st.Params.LogMaxMessage)
	codec.U32(c, &st.Params.Large)
	codec.U8(c, &st.Phase)
	c.Flag(&st.Begun)
	c.Flag(&st.Orphan)
	codec.ID(c, &st.Group)
	codec.U64(c, &st.View)
	codec.U64(c, &st.Promised)
	codec.U16(c, &st.Index)
	codec.U16(c, &st.Sequencer)
	codec.List(c, &st.Table, peerLen, codePeer)
	c.Data(&st.Result)
	for _, v := range [...]*uint64{&st.Base, &st.Got, &st.Accepted, &st.Taken, &st.Applied, &st.Last, &st.Start} {
		codec.U64(c, v)
	}
	codec.List(c, &st.History, entryMin, codeEntry)
	codec.U64(c, &st.MessID)
	codec.List(c, &st.Sends, sendMin, codeSend)
	codec.List(c, &st.Receivers, receiverLen, codeReceiver)
	codec.List(c, &st.BB, earlyMin, codeEarly)
	codec.U64(c, &st.SRTT)
	c.Flag(&st.JoinActive)
	codec.U32(c, &st.JoinSlot)
	codec.ID(c, &st.JoinTo)
	codec.U64(c, &st.JoinLeft)
	codec.U64(c, &st.JoinNonce)
	codec.U32(c, &st.JoinRefused)
	c.Flag(&st.ResetWanted)
	codec.U32(c, &st.ResetSlot)
	codec.U32(c, &st.ResetMin)
}

// Lengths of the records, without data, to check a count before believing it.
const (
	peerLen     = 2 + 16 + 16 + 8 + 8 + 8 + 1 + 8
	entryMin    = 8 + 1 + 1 + 2 + 8 + 4
	sendMin     = 4 + 1 + 8 + 8 + 4
	receiverLen = 4 + 4
	earlyMin    = 2 + 8 + 1 + 4
)

func codePeer(c *codec.Coder, p *PeerState) {
	codec.U16(c, &p.Index)
	codec.ID(c, &p.Addr)
	codec.ID(c, &p.Server)
	codec.U64(c, &p.LastMess)
	codec.U64(c, &p.Got)
	codec.U64(c, &p.Taken)
	c.Flag(&p.Held)
	codec.U64(c, &p.LastHeld)
}

func codeEntry(c *codec.Coder, e *EntryState) {
	codec.U64(c, &e.Seqno)
	c.Flag(&e.Missing)
	codec.U8(c, &e.Kind)
	codec.U16(c, &e.Origin)
	codec.U64(c, &e.MessID)
	c.Data(&e.Body)
}

func codeSend(c *codec.Coder, s *SendState) {
	codec.U32(c, &s.Slot)
	codec.U8(c, &s.Kind)
	codec.U64(c, &s.MessID)
	codec.U64(c, &s.Seqno)
	c.Data(&s.Body)
}

func codeReceiver(c *codec.Coder, r *ReceiverState) {
	codec.U32(c, &r.Slot)
	codec.U32(c, &r.Room)
}

func codeEarly(c *codec.Coder, e *EarlyState) {
	codec.U16(c, &e.Origin)
	codec.U64(c, &e.MessID)
	codec.U8(c, &e.Kind)
	c.Data(&e.Body)
}
