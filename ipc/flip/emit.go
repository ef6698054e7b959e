package flip

import "encoding/binary"

// emit emits a frame with head, which it copies, and then body as payload. The
// header's ActHop and MTU are those of the way before this link, 0 at its beginning.
func (b *Box) emit(to hop, h *Header, head, body []byte) {
	l := &b.links[to.link]
	h.ActHop += l.Weight
	if mtu := uint16(l.MTU); h.MTU == 0 || h.MTU > mtu {
		h.MTU = mtu
	}
	if h.MaxHop == 0 {
		h.MaxHop = maxHop
	}
	if l.Untrusted {
		h.Flags |= FlagUnsafe
	}
	f := b.Out.frame()
	f.Link, f.Body = to.link, body
	h.put(f.head[:], to.mac, l.MAC)
	f.headLen = frameHeadLen + copy(f.head[frameHeadLen:], head)
	seal(f.Head(), body)
	b.Stats.FramesOut++
	b.Stats.BytesOut += uint64(len(f.Head()) + len(body))
}

const hereIsLen = 12

// answerHereIs answers a LOCATE for a local address. A group's answer counts the
// members on this box, and repeats the demand for listeners that it answers.
func (b *Box) answerHereIs(to hop, h *Header, l *local) {
	b.Stats.HereIsOut++
	answer := Header{Type: HereIs, Flags: h.Flags & FlagSecurity, Dst: h.Src, Src: h.Dst, MessID: h.MessID, Epoch: l.epoch}
	if l.members > 0 {
		if b.id == 0 {
			b.id = b.cfg.Rand() | 1
		}
		answer.Total = h.Total
		b.emitHereIs(to, &answer, l.members, b.id)
	} else {
		b.emitHereIs(to, &answer, 1, 0)
	}
}

// emitHereIs adds the payload of a HEREIS: how many locations the sender knows, on
// this box or elsewhere, how many of them are safe, and for a group the box's number,
// which tells its answer from others'.
func (b *Box) emitHereIs(to hop, h *Header, count int, id uint64) {
	var room [hereIsLen]byte
	payload := room[:4]
	n := uint16(min(count, 1<<16-1))
	binary.BigEndian.PutUint16(payload[0:], n)
	if !b.links[to.link].Untrusted {
		binary.BigEndian.PutUint16(payload[2:], n)
	}
	if id != 0 {
		payload = binary.BigEndian.AppendUint64(payload, id)
	}
	h.Length = uint32(len(payload))
	b.emit(to, h, payload, nil)
}
