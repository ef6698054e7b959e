package group

import (
	"testing"

	"motile/ipc/flip"
	"motile/ipc/std"
)

// A message has the body that its type demands, and no other.
func TestSummarizeBody(t *testing.T) {
	message := func(h head, body ...byte) []byte {
		b := make([]byte, headLen)
		h.put(b)
		return append(b, body...)
	}
	r := roll{applied: 9, sequencer: 1, members: []rollEntry{{index: 1, addr: flip.Address{0xa1}}, {index: 4, addr: flip.Address{0xa4}}}}
	c := charter{group: flip.Address{0xc0}, index: 4, params: Params{Resilience: 1, MaxGroup: 4, LogBuffers: 4, LogMaxMessage: 10}, roll: r}
	address := make([]byte, len(flip.Address{}))
	header := make([]byte, std.HeaderLen)
	for name, m := range map[string][]byte{
		"locate":  message(head{typ: Locate}, address...),
		"hereis":  message(head{typ: HereIs}, address...),
		"joinreq": message(head{typ: JoinReq}, append(address, address...)...),
		"join":    message(head{typ: Join}, c.append(nil)...),
		"no":      message(head{typ: Join, seqno: 25}),
		"vote":    message(head{typ: Vote}, r.append(nil)...),
		"result":  message(head{typ: Result}, c.append(nil)...),
		"data":    message(head{typ: Bcast, kind: kindData}, header...),
		"accept":  message(head{typ: Bcast, kind: kindData, flags: flagAccept}),
		"enters":  message(head{typ: Bcast, kind: kindJoin}, append(address, address...)...),
		"leaves":  message(head{typ: BcastReq, kind: kindLeave}),
		"sync":    message(head{typ: Sync}),
	} {
		if _, ok := SummarizeBody(m); !ok {
			t.Errorf("%s is not known", name)
		}
		if name != "data" {
			if _, ok := SummarizeBody(append(m, 0)); ok {
				t.Errorf("%s with a byte too many is", name)
			}
		}
		if _, ok := SummarizeBody(m[:len(m)-1]); ok {
			t.Errorf("%s without its last byte is", name)
		}
	}
	s, _ := SummarizeBody(message(head{typ: Join}, c.append(nil)...))
	if s.Group != c.group || s.Index != 4 || s.Params != c.params || s.Applied != 9 || s.Sequencer != 1 || len(s.Members) != 2 || s.Members[1] != r.members[1].addr {
		t.Errorf("%+v", s)
	}
}

func FuzzSummarizeBody(f *testing.F) {
	for typ := Locate; typ <= Hold; typ++ {
		b := make([]byte, headLen, headLen+100)
		h := head{typ: typ, kind: kindData}
		h.put(b)
		f.Add(b)
		f.Add(b[:headLen+100])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := SummarizeBody(b)
		if _, headOK := Summarize(b); ok && (!headOK || len(s.Data) > len(b)) {
			t.Errorf("% x: %+v", b, s)
		}
	})
}
