package flip

// Effects is what a box wants done. The owner of the box performs them after
// each call, or after a few, and then calls Reset: first the frames, because
// their bodies point into messages whose senders may be told, by what follows,
// that the buffers are free again.
//
// Everything in Effects, the slices and what Head returns, belongs to the box
// and is valid until Reset. Deliver.Body is the exception: it belongs to whoever
// takes it.
type Effects struct {
	Frames       []Frame
	Delivers     []Deliver
	NotDelivered []NotDelivered

	kept []byte // payloads of frames that are no part of a message here
}

// Reset drops the effects and keeps the room for the next ones.
func (e *Effects) Reset() {
	for i := range e.Frames {
		e.Frames[i].Body = nil
	}
	for i := range e.Delivers {
		e.Delivers[i].Body = nil
	}
	e.Frames = e.Frames[:0]
	e.Delivers = e.Delivers[:0]
	e.NotDelivered = e.NotDelivered[:0]
	if cap(e.kept) > 1<<20 { // a burst
		e.kept = nil
	}
	e.kept = e.kept[:0]
}

// A Frame is to be sent on a link: Head, then Body, nothing else. Head begins
// with the complete Ethernet header. The driver copies both once, into its ring.
type Frame struct {
	Link int
	Body []byte // part of a message's payload; may be empty

	headLen int
	head    [frameHeadLen + max(MaxHeader, 4+maxAckBytes)]byte
}

// Head returns the frame's headers and, if the frame carries the beginning of a
// message, that message's own header.
func (f *Frame) Head() []byte { return f.head[:f.headLen] }

// Len returns the length of the whole frame.
func (f *Frame) Len() int { return f.headLen + len(f.Body) }

// Deliver hands a message to the protocol above. Head holds its first bytes, as
// many as SetHeaderLen asked for, and Body the rest.
//
// Body belongs to the receiver if the message came over a link. A message from
// an address on the same box arrives in the very slice that its sender gave to
// Unicast, so Body must only be read.
type Deliver struct {
	Dst, Src  Address
	Proto     uint8
	Multicast bool
	Body      []byte

	headLen int
	head    [MaxHeader]byte
}

// Head returns the message's first bytes.
func (d *Deliver) Head() []byte { return d.head[:d.headLen] }

// A Reason says why a message was given up.
type Reason uint8

const (
	LocateExpired Reason = iota + 1 // nobody claimed the destination in time; it never arrived
	GoneAway                        // refused with NOTHERE, and then nobody claimed the destination
	Stalled                         // no destination, or a silent one, and it may have arrived
	TooBig                          // longer than MaxMessage, or its header than MaxHeader
	NoRoom                          // the box holds MaxHeld messages
	BadSource                       // the source address is not registered here, or frozen
	Unsafe                          // a secure message, and every way crosses an untrusted network
	TooFew                          // fewer listeners than demanded were found in time; it was not sent
)

// String returns the reason in lower case words.
func (r Reason) String() string {
	names := [...]string{"?", "locate expired", "gone away", "stalled", "too big", "no room", "bad source", "unsafe", "too few listeners"}
	if int(r) < len(names) {
		return names[r]
	}
	return names[0]
}

// NotDelivered tells the sender of a message that it has been given up.
type NotDelivered struct {
	Src, Dst Address
	Proto    uint8
	Token    uint64 // as given to Unicast
	Handle   Handle
	Reason   Reason
}

// keep returns a copy of a payload that stays until Reset. What moves when there is
// no room is only what comes next: earlier copies stay where they are.
func (e *Effects) keep(payload []byte) []byte {
	start := len(e.kept)
	e.kept = append(e.kept, payload...)
	return e.kept[start:len(e.kept):len(e.kept)]
}

// frame makes room for one more frame and returns it for filling in.
func (e *Effects) frame() *Frame {
	if n := len(e.Frames); n < cap(e.Frames) {
		e.Frames = e.Frames[:n+1]
	} else {
		e.Frames = append(e.Frames, Frame{})
	}
	return &e.Frames[len(e.Frames)-1]
}

// deliver makes room for one more delivery.
func (e *Effects) deliver() *Deliver {
	if n := len(e.Delivers); n < cap(e.Delivers) {
		e.Delivers = e.Delivers[:n+1]
	} else {
		e.Delivers = append(e.Delivers, Deliver{})
	}
	return &e.Delivers[len(e.Delivers)-1]
}
