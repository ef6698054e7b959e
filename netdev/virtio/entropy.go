package virtio

import "errors"

// entropy reads n bytes from an entropy device (virtio 1.2, 5.4), once, polling:
// it is for the seed at start-up.
func entropy(t transport, n int, alloc memory) ([]byte, error) {
	if _, err := start(t, 0); err != nil {
		return nil, err
	}
	if t.queueMax(0) == 0 {
		return nil, errors.New("virtio-rng: no queue")
	}
	ring, ok1 := alloc(queueBytes(8))
	buf, ok2 := alloc(n)
	if !ok1 || !ok2 {
		return nil, errors.New("virtio-rng: no memory")
	}
	q := newQueue(ring, 8)
	q.quiet = true
	t.setQueue(0, q)
	ready(t)
	out := make([]byte, 0, n)
	for len(out) < n {
		q.setBuffer(0, buf.Addr, n-len(out), descWrite)
		q.offer(0)
		q.publish()
		t.notify(0)
		for try := 0; !q.pending(); try++ {
			if try > 50_000_000 {
				return out, errors.New("virtio-rng: the device does not answer")
			}
		}
		_, k, _ := q.take()
		out = append(out, buf.Bytes[:min(k, n-len(out))]...)
	}
	t.setStatus(0)
	return out, nil
}
