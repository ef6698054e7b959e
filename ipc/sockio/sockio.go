package sockio

import (
	"encoding/binary"

	"motile/ipc/std"
)

// Commands to the server itself.
const (
	// Create: Offset domain<<32 | protocol, Extra type and flags, as socket(2) has them.
	// Reply: Extra errno, data: the socket's capability.
	Create = std.PrivateFirst + 290
	// Wait, data: Caller. Reply: data: Events of that node's sockets, at least one after
	// a while without any. A newer Wait of the same node ends an older one.
	Wait = std.PrivateFirst + 291
	// List. Reply: data: text, a line for each socket.
	List = std.PrivateFirst + 292
	// Interfaces. Reply: data: text.
	Interfaces = std.PrivateFirst + 293
	// Pair: Offset and Extra as Create has them, Size the process id of who asks. Reply:
	// Extra errno, data: the capabilities of two sockets that are connected.
	Pair = std.PrivateFirst + 294
)

// Commands to a socket. Every reply that says errno has it in Extra; Offset is a State.
const (
	// Recv: Size how much, Extra MSG_ flags, data: Caller. Reply: Size of the whole
	// message, data: an address and the bytes.
	Recv = std.PrivateFirst + 300
	// Send: Extra MSG_ flags, data: Caller, an address and the bytes. Reply: Size taken.
	Send = std.PrivateFirst + 301
	// Poll: Size the events asked for, Extra 1: the node's Wait shall tell when those hold
	// that do not now, each once, data: Caller. Reply: nothing beside the State.
	Poll = std.PrivateFirst + 302
	// Bind, data: an address.
	Bind = std.PrivateFirst + 303
	// Listen: Size the backlog, Extra the process id of who asks.
	Listen = std.PrivateFirst + 304
	// Accept: Extra SOCK_ flags, data: Caller. Reply: data: the capability of the
	// connection and an address.
	Accept = std.PrivateFirst + 305
	// Connect: Size the process id of who asks, data: Caller and an address, without its
	// length. EINPROGRESS and EALREADY, and EAGAIN of a local socket: ask again when Out
	// holds.
	Connect = std.PrivateFirst + 306
	// Name: Extra 0 the socket's own, 1 its peer's. Reply: data: an address.
	Name = std.PrivateFirst + 307
	// Shutdown: Extra how.
	Shutdown = std.PrivateFirst + 308
	// SetOption, Option: Offset level<<32 | option; data: the value. Reply of Option:
	// data: the value.
	SetOption = std.PrivateFirst + 309
	Option    = std.PrivateFirst + 310
	// Readable. Reply: Size how many bytes a Recv would find.
	Readable = std.PrivateFirst + 311
)

// MaxData is how much one Recv or Send moves.
const MaxData = 64 << 10

// MaxAddress bounds an address, MaxOption the value of an option. A local socket's path,
// which the kernel has made absolute, can be longer than the one that a program gave.
const (
	MaxAddress = 240
	MaxOption  = 256
)

// Caller is the node that asks, at one of its boots. CallerSize bytes.
type Caller struct {
	Node uint32
	Boot uint64
}

const CallerSize = 12

// Append encodes c.
func (c Caller) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, c.Node)
	return binary.BigEndian.AppendUint64(b, c.Boot)
}

// DecodeCaller reads a Caller from the front of b and returns the rest.
func DecodeCaller(b []byte) (c Caller, rest []byte, ok bool) {
	if len(b) < CallerSize {
		return c, nil, false
	}
	return Caller{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])}, b[CallerSize:], true
}

// AppendAddress adds an address, of at most MaxAddress bytes, with its length.
func AppendAddress(b, addr []byte) []byte {
	b = append(b, byte(len(addr)))
	return append(b, addr...)
}

// CutAddress takes an address off the front of b.
func CutAddress(b []byte) (addr, rest []byte, ok bool) {
	if len(b) < 1 || int(b[0]) > MaxAddress || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	return b[1 : 1+b[0]], b[1+b[0]:], true
}

// State is what a reply says of the socket in Offset: which events hold after the
// command, and the status flags of its description. Seq is higher in each that the server
// says of a socket, whatever way it says it: what is overtaken does not count. If no event
// of Recv's kind holds after a Recv or an Accept, or none of Send's after a Send or a
// Connect, the server watches for it on behalf of the node that asked, as if that had
// asked Poll; the low half of the reply's Object is that node, for the process may have
// left it, and the high half how long such a command is to wait for the event, in ms
// (0: without end).
type State struct {
	Seq    uint32
	Events uint16
	Flags  uint16
}

// PatienceShift is where the time is in an Object.
const PatienceShift = 32

// Kinds of events: those of poll(2) that are about receiving and about sending. EPOLLERR
// and EPOLLHUP are always watched for with them.
const (
	InKind  = 0x1 | 0x2 | 0x40 | 0x2000
	OutKind = 0x4 | 0x100
)

// Pack makes an Offset of s.
func (s State) Pack() uint64 {
	return known | uint64(s.Events)<<48&^known | uint64(s.Flags)<<32 | uint64(s.Seq)
}

// Unpack takes an Offset apart; ok is false if it is no State.
func Unpack(v uint64) (s State, ok bool) {
	return State{uint32(v), uint16(v >> 48 &^ (known >> 48)), uint16(v >> 32)}, v&known != 0
}

const known = 1 << 63

// Event says, in the answer to a Wait, that events hold that were watched for: they are
// not any more. EventSize bytes.
type Event struct {
	Object uint64
	Events uint32
	Seq    uint32
}

const EventSize = 16

// Append encodes e.
func (e Event) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.Object)
	b = binary.BigEndian.AppendUint32(b, e.Events)
	return binary.BigEndian.AppendUint32(b, e.Seq)
}

// DecodeEvents reads a list of events, and stops where it is cut off.
func DecodeEvents(b []byte) (list []Event) {
	for ; len(b) >= EventSize; b = b[EventSize:] {
		list = append(list, Event{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])})
	}
	return list
}
