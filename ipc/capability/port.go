package capability

// A Port names a service. The same type holds both halves: the get-port, which
// is the server's secret, and the put-port, which anybody may know.
type Port [Size]byte

// IsNull reports whether p is the null port, which names no service.
func (p Port) IsNull() bool { return p == Port{} }

// Put returns the put-port that belongs to get-port p. The null port maps to
// itself, as in Amoeba.
func (p Port) Put() Port {
	if p.IsNull() {
		return p
	}
	return Port(OneWay("port", p[:]))
}

// NewPort draws a get-port. The caller's source must be unpredictable: whoever
// guesses a get-port can receive the service's requests.
func NewPort(random func() uint64) Port {
	return Port(draw(random))
}

// draw returns 128 random bits that are not all zero.
func draw(random func() uint64) (v [Size]byte) {
	for v == [Size]byte{} {
		putUint64(v[:8], random())
		putUint64(v[8:], random())
	}
	return v
}
