package dissect

import (
	"fmt"

	"motile/ipc/flip"
)

// Stations are named after what the launcher and the host's tools give their cards
// for addresses: qemu/machine.MAC and tools/flipnode.
const (
	nodePrefix, nodeCard = "\x52\x54\x00", 0x4d
	hostPrefix           = "\x56\x48"
	mostCards            = 16
)

// Station names a hardware address: n2 for a node's card, n2.1 for its second one,
// host:1a2b3c4d for a program of the host, all for everybody.
func Station(mac flip.MAC) string {
	node := int(mac[4])<<8 | int(mac[5])
	switch card := int(mac[3]) - nodeCard; {
	case mac == flip.Broadcast:
		return "all"
	case string(mac[:3]) == nodePrefix && card == 0:
		return fmt.Sprintf("n%d", node)
	case string(mac[:3]) == nodePrefix && card > 0 && card < mostCards:
		return fmt.Sprintf("n%d.%d", node, card)
	case string(mac[:2]) == hostPrefix:
		return fmt.Sprintf("host:%x", mac[2:])
	}
	return fmt.Sprintf("%x", mac[:])
}

// nodeOf is the node whose card has an address, or 0.
func nodeOf(mac flip.MAC) int {
	card := int(mac[3]) - nodeCard
	if string(mac[:3]) != nodePrefix || card < 0 || card >= mostCards {
		return 0
	}
	return int(mac[4])<<8 | int(mac[5])
}
