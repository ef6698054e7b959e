package flip

import "motile/ipc/capability"

// An Address names a FLIP endpoint, wherever it is. Like a port it comes in two
// halves: who knows the private address may register it and so receive; the
// public address, its one-way image, is what messages carry. A process keeps
// both for life, so a checkpoint must contain the private one.
type Address [16]byte

// IsNull reports whether a is the null address, which in the destination of a
// multicast means everybody.
func (a Address) IsNull() bool { return a == Address{} }

// Public returns the public address that belongs to private address a.
func (a Address) Public() Address {
	if a.IsNull() {
		return a
	}
	return Address(capability.OneWay("flip", a[:]))
}

// NewAddress draws a private address from an unpredictable source.
func NewAddress(random func() uint64) Address {
	return Address(capability.NewPort(random))
}

// String returns a in base32, as ports are written.
func (a Address) String() string { return capability.Port(a).String() }

// A MAC is the address of a box on one link.
type MAC [6]byte

// Broadcast is the MAC of every box on a link.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
