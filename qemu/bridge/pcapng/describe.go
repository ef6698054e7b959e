package pcapng

import (
	"strings"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Describe says what a frame is that is none of ours: the names of its layers, from
// Ethernet's payload on. Bad says why it cannot be told; it is empty if it can.
func Describe(frame []byte) (text, bad string) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.NoCopy)
	var names []string
	for _, l := range p.Layers() {
		switch l.LayerType() {
		case layers.LayerTypeEthernet, gopacket.LayerTypePayload:
		case gopacket.LayerTypeDecodeFailure:
		default:
			names = append(names, l.LayerType().String())
		}
	}
	text = strings.Join(names, " ")
	if e := p.ErrorLayer(); e != nil {
		return text, e.Error().Error()
	}
	if len(names) == 0 {
		return "", "a frame of a type that nobody knows"
	}
	return text, ""
}
