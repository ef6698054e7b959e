package bridge

import "time"

// injector is the port that injected frames come from, to faults and partitions.
const injector = "inject"

// Inject delivers frames that no port has sent, as a broken cable might make them:
// their sources are not believed, so the frames of the stations they name go on
// finding their way.
func (b *Bridge) Inject(frames ...[]byte) {
	from := &port{name: injector, bridge: b}
	now := time.Now()
	var touched []*port
	for _, frame := range frames {
		if len(frame) < etherHeader || len(frame) > MaxFrame {
			continue
		}
		b.record(injector, frame)
		dst := mac(frame[:macBytes])
		to := b.table.find(dst, now)
		for _, p := range b.snapshot() {
			if to == nil || to == p {
				touched = p.take(from, frame, now, touched)
			}
		}
	}
	for _, p := range touched {
		p.flush()
	}
}
