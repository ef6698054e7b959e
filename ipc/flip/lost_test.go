package flip

import "testing"

// A frame claims an epoch that was never reached. When the address does not
// answer at that, it is found again where it is.
func TestLearn_EpochThatNobodyReached(t *testing.T) {
	w := newTestnet(t, 3, nil)
	a, c := w.register(0), w.register(2)
	w.send(0, a, c, []byte("before"))
	w.run(second / 100)

	claim := Header{Type: HereIs, Dst: a, Src: c, Epoch: 1 << 31}
	b := w.boxes[0]
	b.Input(w.now, 0, claim.frame(testMAC(0), testMAC(9), nil))
	b.Unicast(w.now, &Send{Src: a, Dst: c, Proto: ProtoRaw, Payload: []byte("after"), Invalidate: true, Patience: 3 * second})
	w.perform()
	w.run(2 * second)
	w.expect(2, []byte("before"), []byte("after"))
	if b.Stats.StaleEpoch == 0 {
		t.Error("it was believed at once")
	}
}

// What was sent is forgotten after its second also if, when it was sent, there was
// nothing to clean up but routes.
func TestSweep_ForgetsWhatWasSent(t *testing.T) {
	w := newTestnet(t, 2, nil)
	a, c := w.register(0), w.register(1)
	w.send(0, a, c, nil)
	w.run(10 * second)
	w.send(0, a, c, []byte("x"))
	w.run(3 * second)
	if n := w.boxes[0].held; n != 0 {
		t.Errorf("%d messages kept", n)
	}
}
