package rpc

import (
	"errors"

	"motile/ipc/internal/codec"
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
	w := codec.NewWriter(append(b, stateVersion))
	codeState(w, st)
	return w.Bytes()
}

// DecodeState decodes exactly b. The data of messages in the result are parts of
// b. That it decodes does not mean that it makes sense: Import looks into that.
func DecodeState(b []byte) (*State, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return nil, ErrState
	}
	st := &State{}
	r := codec.NewReader(b[1:])
	codeState(r, st)
	if !r.Complete() {
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

func codeState(c *codec.Coder, st *State) {
	codec.ID(c, &st.Identity.Private)
	codec.ID(c, &st.Identity.Public)
	codec.U32(c, &st.Identity.Epoch)
	codec.U64(c, &st.Identity.MessID)
	c.Flag(&st.Upcall)
	codec.U64(c, &st.NextTid)
	codec.U64(c, &st.Horizon)
	codec.List(c, &st.Clients, clientMin, codeClient)
	codec.List(c, &st.Servers, serverLen, codeServer)
	codec.List(c, &st.Rows, rowMin, codeRow)
	codec.List(c, &st.Bindings, bindingLen, codeBinding)
}

func codeClient(c *codec.Coder, x *ClientState) {
	codec.U32(c, &x.Slot)
	codec.U8(c, &x.Phase)
	codec.U64(c, &x.Tid)
	codec.ID(c, &x.Port)
	codec.ID(c, &x.Addr)
	codeHeader(c, &x.Header)
	c.Data(&x.Data)
	codec.U32(c, &x.Size)
	c.Flag(&x.Long)
	codec.U32(c, &x.Room)
	codec.U8(c, &x.Forwards)
	c.Flag(&x.Secure)
	codec.U64(c, &x.Deadline)
	codePull(c, &x.Pull)
	codec.ID(c, &x.Server)
	codec.U64(c, &x.Left)
	codec.U64(c, &x.Backoff)
	codec.U32(c, &x.Tries)
	codec.U64(c, &x.Age)
	codec.U16(c, &x.Signals)
	codec.U16(c, &x.Signalled)
}

func codeServer(c *codec.Coder, x *ServerState) {
	codec.U32(c, &x.Slot)
	codec.U8(c, &x.Phase)
	codec.ID(c, &x.Get)
	codec.U32(c, &x.Room)
	codec.U32(c, &x.Row)
}

func codeRow(c *codec.Coder, x *RowState) {
	codec.ID(c, &x.Client)
	codec.U32(c, &x.Slot)
	codec.U8(c, &x.Phase)
	codec.U64(c, &x.Tid)
	codec.U64(c, &x.Age)
	codec.U16(c, &x.Signals)
	c.Flag(&x.Secure)
	c.Flag(&x.Given)
	codeHeader(c, &x.Header)
	c.Data(&x.Data)
	codec.U32(c, &x.Size)
	codePull(c, &x.Pull)
	c.Flag(&x.Forward)
	codec.ID(c, &x.Port)
	codec.ID(c, &x.Addr)
}

func codePull(c *codec.Coder, p *PullState) {
	codec.U32(c, &p.Size)
	codec.U32(c, &p.Part)
	codec.U32(c, &p.Base)
	codec.U32(c, &p.Have)
}

func codeBinding(c *codec.Coder, x *BindingState) {
	codec.ID(c, &x.Port)
	c.Flag(&x.Always)
	codec.U64(c, &x.Age)
}

func codeHeader(c *codec.Coder, h *std.Header) {
	var b [std.HeaderLen]byte
	if c.Writing() {
		h.PutWire(&b)
	}
	c.Fixed(b[:])
	if !c.Writing() {
		h.GetWire(&b)
	}
}
