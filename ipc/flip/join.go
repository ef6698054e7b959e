package flip

import "encoding/binary"

// join is a message being put together from its fragments, which may arrive in
// any order and more than once. All fragments but the last have one length; it
// is known as soon as one of them has arrived.
type join struct {
	src, dst  Address
	messid    uint64
	multicast bool
	total     int
	unit      int // length of a fragment; 0: only the last one has arrived
	nfrag     int // 0 while unit is
	tail      int // where the last one belongs, if it came first; else 0
	got       int
	cum       int // first fragment missing
	unacked   int // fragments since the last ACK
	at        int64
	buf       []byte
	bits      []uint64
}

// gotFragment takes a fragment of a long message.
func (b *Box) gotFragment(now int64, in hop, h *Header, payload []byte) {
	j := b.findJoin(h)
	if j == nil {
		if b.recent.has(&h.Src, h.MessID) {
			b.Stats.Duplicates++
			if h.Type == UniData && wantsAnswer(h) {
				b.sendAck(in, h, nil)
			}
			return
		}
		if j = b.startJoin(now, h); j == nil {
			return
		}
	}
	i, ok := j.place(h)
	if !ok {
		b.Stats.Malformed++
		return
	}
	j.at = now
	if i < 0 {
		copy(j.buf[h.Offset:], payload)
		j.tail = int(h.Offset)
		return
	}
	if hasBit(j.bits, i) {
		b.Stats.Duplicates++
		if h.Flags&FlagAckMe != 0 && !j.multicast {
			b.sendAck(in, h, j)
		}
		return
	}
	copy(j.buf[h.Offset:], payload)
	setBit(j.bits, i)
	j.got++
	j.unacked++
	for j.cum < j.nfrag && hasBit(j.bits, j.cum) {
		j.cum++
	}
	if j.got == j.nfrag {
		b.joined(in, h, j)
	} else if !j.multicast && (j.unacked >= ackEvery || j.unacked*j.unit >= ackBytes || h.Flags&FlagAckMe != 0) {
		b.sendAck(in, h, j)
	}
}

// joined delivers a message whose last missing fragment has arrived.
func (b *Box) joined(in hop, h *Header, j *join) {
	if !j.multicast {
		b.sendAck(in, h, nil)
	}
	b.recent.add(&h.Src, h.MessID)
	e := b.deliver(h, j.buf)
	if rest := j.buf[e.headLen:]; len(rest) > 0 {
		e.Body = rest
	}
	b.dropJoin(j)
}

// place returns the number of a fragment, or not ok for one that does not fit
// the others. It is -1 for a last fragment that comes before all others: without
// their length its number is not known yet.
func (j *join) place(h *Header) (i int, ok bool) {
	length, offset := int(h.Length), int(h.Offset)
	last := offset+length == j.total
	if j.unit == 0 {
		if last {
			return -1, true
		}
		if length < minFragment || offset%length != 0 {
			return 0, false
		}
		j.setUnit(length)
	}
	if offset%j.unit != 0 || (last && length > j.unit) || (!last && length != j.unit) {
		return 0, false
	}
	return offset / j.unit, true
}

// setUnit fixes the length of all fragments but the last, which may be here.
func (j *join) setUnit(unit int) {
	j.unit = unit
	j.nfrag = (j.total + unit - 1) / unit
	j.bits = zeroed(j.bits, (j.nfrag+63)/64)
	if j.tail > 0 && j.tail == (j.nfrag-1)*unit {
		setBit(j.bits, j.nfrag-1)
		j.got++
	}
}

// findJoin returns the unfinished message that a fragment belongs to, or nil.
// The list is short, and a fragment's message is usually the latest on it.
func (b *Box) findJoin(h *Header) *join {
	for k := len(b.joins) - 1; k >= 0; k-- {
		if j := b.joins[k]; j.messid == h.MessID && j.src == h.Src {
			if j.total != int(h.Total) || j.dst != h.Dst || j.otherUnit(h) {
				// Sent anew over a way with another MTU, or nonsense.
				b.dropJoin(j)
				return nil
			}
			return j
		}
	}
	return nil
}

// otherUnit reports that a fragment belongs to a transmission in fragments of another
// length than those that have come.
func (j *join) otherUnit(h *Header) bool {
	last := h.Offset+h.Length == h.Total
	return j.unit != 0 && (int(h.Length) > j.unit || !last && int(h.Length) < j.unit)
}

// startJoin makes room for a message and begins it, or returns nil if it would
// be too long.
func (b *Box) startJoin(now int64, h *Header) *join {
	total := int(h.Total)
	if total > b.cfg.MaxMessage {
		b.Stats.TooLong++
		return nil
	}
	for b.fromSource(&h.Src)+total > b.cfg.SourceBytes {
		if !b.dropOldest(func(j *join) bool { return j.src == h.Src }) {
			break
		}
	}
	for len(b.joins) >= b.cfg.MaxJoins || b.joinBytes+total > b.cfg.JoinBytes {
		if !b.dropOldest(func(*join) bool { return true }) {
			break
		}
	}
	var j *join
	if n := len(b.spare); n > 0 {
		j, b.spare = b.spare[n-1], b.spare[:n-1]
	} else {
		j = new(join)
	}
	*j = join{src: h.Src, dst: h.Dst, messid: h.MessID, multicast: h.Type == MultiData,
		total: total, at: now, buf: b.cfg.Alloc(total), bits: j.bits[:0]}
	b.joins = append(b.joins, j)
	b.joinBytes += total
	b.armSweep(now)
	return j
}

// fromSource returns the memory that a source's unfinished messages take.
func (b *Box) fromSource(src *Address) int {
	sum := 0
	for _, j := range b.joins {
		if j.src == *src {
			sum += j.total
		}
	}
	return sum
}

// dropOldest gives up the unfinished message, among those that match, that has
// been without news for longest.
func (b *Box) dropOldest(match func(*join) bool) bool {
	var oldest *join
	for _, j := range b.joins {
		if match(j) && (oldest == nil || j.at < oldest.at) {
			oldest = j
		}
	}
	if oldest == nil {
		return false
	}
	b.Stats.JoinsDropped++
	b.dropJoin(oldest)
	return true
}

// dropJoin forgets an unfinished or just finished message.
func (b *Box) dropJoin(j *join) {
	for k := range b.joins {
		if b.joins[k] == j {
			last := len(b.joins) - 1
			copy(b.joins[k:], b.joins[k+1:])
			b.joins[last] = nil
			b.joins = b.joins[:last]
			break
		}
	}
	b.joinBytes -= j.total
	j.buf = nil
	b.spare = append(b.spare, j)
}

// dropJoins gives up what is arriving for an address; its senders keep it.
func (b *Box) dropJoins(dst *Address) {
	for k := len(b.joins) - 1; k >= 0; k-- {
		if b.joins[k].dst == *dst {
			b.Stats.JoinsDropped++
			b.dropJoin(b.joins[k])
		}
	}
}

// sweepJoins gives up what has been without news for long.
func (b *Box) sweepJoins(now int64) {
	for k := len(b.joins) - 1; k >= 0; k-- {
		if b.joins[k].at+joinIdle <= now {
			b.Stats.JoinsDropped++
			b.dropJoin(b.joins[k])
		}
	}
}

// sendAck tells the sender of h which fragments of its message have arrived: all
// of them if j is nil.
func (b *Box) sendAck(in hop, h *Header, j *join) {
	l := b.local(&h.Dst)
	ack := Header{Type: Ack, Proto: h.Proto, Dst: h.Src, Src: h.Dst, MessID: h.MessID,
		Offset: h.Total, Total: h.Total, Epoch: l.epoch}
	b.Stats.AcksOut++
	if j == nil {
		b.emit(in, &ack, nil, nil)
		return
	}
	j.unacked = 0
	var payload [4 + maxAckBytes]byte
	binary.BigEndian.PutUint32(payload[:], uint32(j.unit))
	n := 4
	if j.got > j.cum { // there are gaps
		for i := j.cum; i < j.nfrag && n < len(payload); i += 8 {
			payload[n] = byte(bitsFrom(j.bits, i))
			n++
		}
		for n > 4 && payload[n-1] == 0 {
			n--
		}
	}
	ack.Offset = uint32(j.cum * j.unit)
	ack.Length = uint32(n)
	b.emit(in, &ack, payload[:n], nil)
}
