package group

// history holds the messages that some member may still need: base is the first.
// Places behind the first gap may be empty.
type history struct {
	base    uint64
	entries []entry
	bytes   int
}

// entry is one ordered message.
type entry struct {
	present bool
	missing bool // it is ordered, but its data (BB) have not come
	kind    uint8
	origin  uint16
	messid  uint64
	body    []byte
}

// at returns message seq, or nil if it is not here.
func (h *history) at(seq uint64) *entry {
	if seq < h.base || seq-h.base >= uint64(len(h.entries)) {
		return nil
	}
	if e := &h.entries[seq-h.base]; e.present {
		return e
	}
	return nil
}

// place returns where message seq is or will be.
//
// Preconditions: seq >= h.base, and it is within the history's size.
func (h *history) place(seq uint64) *entry {
	for seq-h.base >= uint64(len(h.entries)) {
		h.entries = append(h.entries, entry{})
	}
	return &h.entries[seq-h.base]
}

// put enters message seq.
func (h *history) put(seq uint64, e entry) {
	e.present = true
	p := h.place(seq)
	h.bytes += len(e.body) - len(p.body)
	*p = e
}

// trim forgets all below seq.
func (h *history) trim(seq uint64) {
	for h.base < seq {
		if len(h.entries) > 0 {
			h.bytes -= len(h.entries[0].body)
			h.entries[0] = entry{}
			h.entries = h.entries[1:]
		}
		h.base++
		if len(h.entries) == 0 {
			h.base = seq
		}
	}
}

// cut forgets all above seq.
func (h *history) cut(seq uint64) {
	for len(h.entries) > 0 && h.base+uint64(len(h.entries))-1 > seq {
		last := &h.entries[len(h.entries)-1]
		h.bytes -= len(last.body)
		*last = entry{}
		h.entries = h.entries[:len(h.entries)-1]
	}
}

// find returns the number of a member's message.
func (h *history) find(origin uint16, messid uint64) (seq uint64, ok bool) {
	for i := range h.entries {
		if e := &h.entries[i]; e.present && e.origin == origin && e.messid == messid && e.kind != kindJoin {
			return h.base + uint64(i), true
		}
	}
	return 0, false
}
