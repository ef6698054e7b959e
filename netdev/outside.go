package netdev

// OutsidePrefix begins the hardware address of a card that leads out of the cluster. It
// carries the Internet's frames, and none of the cluster's: a node serves it raw to one
// program and never takes it for one of its networks.
var OutsidePrefix = [4]byte{0x52, 0x54, 0x00, 0x6f}

// IsOutside reports whether an address is that of such a card.
func IsOutside(mac [6]byte) bool { return [4]byte(mac[:4]) == OutsidePrefix }
