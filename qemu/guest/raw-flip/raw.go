// calls: flip_init flip_register flip_unicast flip_receive

package rawflip

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/qemu/guest/event"
	"motile/servers/lib"
)

// Name of the feature.
const Name = "raw-flip"

// Run does it.
func Run([]string) error {
	var private [2]flip.Address
	var endpoint [2]uint32
	i, err := lib.FlipInit()
	if err != nil {
		return err
	}
	for k := range private {
		if _, err := rand.Read(private[k][:]); err != nil {
			return err
		}
		if endpoint[k], err = i.Register(private[k], 0); err != nil {
			return err
		}
	}
	event.Ready()
	got := 0
	buf := make([]byte, 256)
	for n := uint64(0); event.Working() || got == 0; n++ {
		to := raw.Packet{Address: private[1].Public(), Endpoint: endpoint[0]}
		if err := i.Unicast(&to, binary.LittleEndian.AppendUint64(nil, n), 0); err != nil {
			continue // it was on the move
		}
		for {
			var from raw.Packet
			size, err := i.Receive(&from, buf, 50*time.Millisecond)
			if err != nil {
				break // lost
			}
			v := binary.LittleEndian.Uint64(buf)
			if size != 8 || v > n {
				return fmt.Errorf("%d bytes came with %d, and %d was sent", size, v, n)
			}
			got++
			if v == n {
				break
			}
		}
	}
	return i.End()
}
