package dissect

import (
	"encoding/binary"
	"fmt"
	"path"
	"strings"
	"time"

	"motile/ipc/flip"
	"motile/proc/api"
	"motile/qemu/bridge/pcapng"
)

// droppedName is the interface of frames that the bridge kept from a port; in front
// of it may be the name of one bridge of several.
const droppedName = "dropped"

// Frame is a dissected frame.
type Frame struct {
	Nr        int // from 1, as Wireshark counts
	At        time.Time
	Interface string
	Len       int
	Lost      bool // a copy of a frame, which did not arrive at some port
	From, To  string
	from, to  flip.MAC

	FLIP     bool        // it is a FLIP frame, and Header is its header
	Header   flip.Header //
	Src, Dst string
	Again    bool     // of a message, or a part of one, that was seen before
	Passed   bool     // and that was nearer to its sender then: a router has passed it on
	Message  *Message // nil if the frame neither begins nor completes one
	Text     string   // what the frame says, but for the above

	Move  *Move    // the move that it is a part of
	Notes []string // what has become of moves by this frame
	Bad   string   // why it is not decoded; empty if it is
}

// Dissector takes the frames of one capture, in order.
type Dissector struct {
	frames int
	names  *names
	joins  joins
	asked  recent[transaction, *asked]
	moves  *moves
	hops   recent[pieceID, uint8] // the least act_hop with which a frame was seen
}

// pieceID names a frame on its way through networks.
type pieceID struct {
	messageID
	dst    flip.Address
	offset uint32
}

// New makes a dissector. The cluster's key, if it is not nil, gives names to nodes
// and processes.
func New(key *api.Key) *Dissector {
	d := &Dissector{names: newNames(key), joins: newJoins(), asked: newRecent[transaction, *asked](), hops: newRecent[pieceID, uint8]()}
	d.moves = newMoves(d.names)
	return d
}

// Frame dissects the next frame.
func (d *Dissector) Frame(p *pcapng.Packet) *Frame {
	d.frames++
	f := &Frame{Nr: d.frames, From: "?", To: "?", At: p.Time, Interface: p.Interface, Len: len(p.Frame), Lost: path.Base(p.Interface) == droppedName}
	if len(p.Frame) < flip.EtherLen {
		f.Bad = fmt.Sprintf("%d bytes are not an Ethernet frame", len(p.Frame))
		return f
	}
	f.to, f.from = flip.MAC(p.Frame[0:6]), flip.MAC(p.Frame[6:12])
	f.From, f.To = Station(f.from), Station(f.to)
	if binary.BigEndian.Uint16(p.Frame[12:]) != flip.EtherType {
		f.Text, f.Bad = pcapng.Describe(p.Frame)
		return f
	}
	payload, ok := flip.Decode(&f.Header, p.Frame)
	if !ok {
		f.Bad = "a damaged FLIP frame, or one of another version"
		return f
	}
	f.FLIP = true
	d.names.station(nodeOf(f.from))
	f.Src, f.Dst = d.names.text(f.Header.Src), d.names.text(f.Header.Dst)
	if f.Lost {
		f.Text = fragmentText(&f.Header)
		return f
	}
	d.passed(f)
	if h := &f.Header; h.Type == flip.UniData || h.Type == flip.MultiData {
		d.data(f, payload)
	} else {
		d.control(f, payload)
	}
	d.moves.frame(f)
	f.Src, f.Dst = d.names.text(f.Header.Src), d.names.text(f.Header.Dst) // one may just have got its name
	return f
}

// passed looks whether a frame has come nearer to where it goes.
func (d *Dissector) passed(f *Frame) {
	h := &f.Header
	id := pieceID{messageID{h.Src, h.MessID, h.Type}, h.Dst, h.Offset}
	least, known := d.hops.get(id)
	f.Passed = known && h.ActHop > least
	if !known || h.ActHop < least {
		d.hops.put(id, h.ActHop)
	}
}

// data takes a fragment, and the message that it begins or completes.
func (d *Dissector) data(f *Frame, payload []byte) {
	h := &f.Header
	j, message, again := d.joins.add(h, payload)
	f.Again = again
	whole := message != nil
	if h.Length == h.Total {
		message, whole = payload, true
	}
	text := fragmentText(h)
	switch {
	case message != nil:
	case h.Offset == 0:
		message = payload
	default:
		f.Text = text
		if j != nil {
			f.Move = j.move
		}
		return
	}
	f.Message, f.Bad = d.message(f, message, whole)
	if j != nil {
		j.move = f.Move
	}
	if f.Message != nil {
		text = strings.TrimSpace(text + " " + f.Message.text())
	}
	f.Text = text
}

// fragmentText says which part of its message a frame has; nothing if it has all.
func fragmentText(h *flip.Header) string {
	if h.Type != flip.UniData && h.Type != flip.MultiData || h.Length == h.Total {
		return ""
	}
	return fmt.Sprintf("[%d+%d of %d]", h.Offset, h.Length, h.Total)
}

// control says what there is in a frame of FLIP's own.
func (d *Dissector) control(f *Frame, payload []byte) {
	h := &f.Header
	switch {
	case h.Announces():
		f.Text = fmt.Sprintf("here am I, epoch %d", h.Epoch)
	case h.Type == flip.Locate:
		f.Text = fmt.Sprintf("up to hop %d", h.MaxHop)
		if h.Total > 0 {
			f.Text += fmt.Sprintf(", %d listeners", h.Total)
		}
	case h.Type == flip.HereIs:
		here, ok := flip.DecodeHereIs(payload)
		if !ok {
			f.Bad = "a HEREIS of a wrong length"
			return
		}
		f.Text = fmt.Sprintf("epoch %d", h.Epoch)
		if here.Box != 0 {
			f.Text += fmt.Sprintf(", %d members on box %x", here.Known, here.Box)
		}
	case h.Type == flip.NotHere || h.Type == flip.Untrusted:
		f.Text = fmt.Sprintf("epoch %d", h.Epoch) + refusalText(h)
	case h.Type != flip.Ack:
		f.Text = fmt.Sprintf("epoch %d", h.Epoch)
	default:
		a, ok := flip.DecodeAck(h, payload)
		if !ok {
			f.Bad = "an ACK that does not fit any message"
			return
		}
		f.Text = ackText(&a, h.Total)
	}
}

// ackText says what has arrived and what seems to be missing.
func ackText(a *flip.Acked, total uint32) string {
	if a.All {
		return "all has arrived"
	}
	text := fmt.Sprintf("%d of %d", a.Upto, total)
	for i := range 8 * len(a.Bitmap) {
		if a.Has(i) {
			text += fmt.Sprintf(" +%d", a.Upto+uint32(i)*a.Unit)
		}
	}
	return text
}

// refusalText says why a message was refused, if not because the address is elsewhere.
func refusalText(h *flip.Header) (text string) {
	if h.Flags&flip.FlagUnreachable != 0 {
		text += ", a router knows no way"
	}
	if h.Flags&flip.FlagTooBig != 0 {
		text += fmt.Sprintf(", too long for an MTU of %d", h.MTU)
	}
	if h.Flags&flip.FlagEdge != 0 {
		text += ", the edge of the ring"
	}
	return text
}
