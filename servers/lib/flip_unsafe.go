package lib

import (
	"syscall"
	"time"
	"unsafe"

	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/kernel/abi"
)

// Interface is raw FLIP for a program: messages that may be lost or doubled, between
// endpoints that move with their processes. See ipc/raw/PROTOCOL.md. Errors are of
// type std.Status.
type Interface struct{ number uintptr }

// FlipInit opens an interface.
func FlipInit() (Interface, error) {
	n, err := flipCall(abi.SysFlipInit, 0, 0)
	return Interface{uintptr(n)}, err
}

// End closes the interface and its endpoints.
func (i Interface) End() error {
	_, err := flipCall(abi.SysFlipEnd, i.number, 0)
	return err
}

// Register listens on the public half of a private address, the null one standing for
// broadcasts. flags are raw.AsGroup, or none.
func (i Interface) Register(private flip.Address, flags uint32) (ep uint32, err error) {
	r, _, e := syscall.Syscall(abi.SysFlipRegister, i.number, uintptr(unsafe.Pointer(&private)), uintptr(flags))
	n, err := result(r, e)
	return uint32(n), err
}

// Unregister ends an endpoint.
func (i Interface) Unregister(ep uint32) error {
	_, err := flipCall(abi.SysFlipUnregister, i.number, uintptr(ep))
	return err
}

// Unicast sends to p.Address, from p.Endpoint. The destination is looked for during
// patience, zero meaning five seconds.
func (i Interface) Unicast(p *raw.Packet, data []byte, patience time.Duration) error {
	return i.send(abi.SysFlipUnicast, p, data, uintptr(patience.Milliseconds()))
}

// Multicast sends to the members of the group p.Address.
func (i Interface) Multicast(p *raw.Packet, data []byte, listeners int) error {
	return i.send(abi.SysFlipMulticast, p, data, uintptr(listeners))
}

// Broadcast sends to everybody that so many hops reach.
func (i Interface) Broadcast(p *raw.Packet, data []byte, hops int) error {
	return i.send(abi.SysFlipBroadcast, p, data, uintptr(hops))
}

func (i Interface) send(nr uintptr, p *raw.Packet, data []byte, last uintptr) error {
	var b [raw.PacketLen]byte
	p.Put(&b)
	r, _, e := syscall.Syscall6(nr, i.number, uintptr(unsafe.Pointer(&b)), uintptr(pointer(data)), uintptr(len(data)), last, 0)
	_, err := result(r, e)
	return err
}

// Receive waits for a message, or the notice that one could not be delivered. It fills
// p, and buf as far as it returns. A negative timeout is for ever; with zero it does
// not wait. A message longer than buf stays where it is: p.Size says how long.
func (i Interface) Receive(p *raw.Packet, buf []byte, timeout time.Duration) (int, error) {
	var b [raw.PacketLen]byte
	ms := timeout.Milliseconds()
	switch {
	case timeout < 0:
		ms = -1
	case timeout > 0:
		ms = max(ms, 1)
	}
	r, _, e := syscall.Syscall6(abi.SysFlipReceive, i.number, uintptr(unsafe.Pointer(&b)), uintptr(pointer(buf)), uintptr(len(buf)), uintptr(ms), 0)
	n, err := result(r, e)
	p.Get(&b)
	return n, err
}

func flipCall(nr, a, b uintptr) (int, error) {
	r, _, e := syscall.Syscall(nr, a, b, 0)
	return result(r, e)
}
