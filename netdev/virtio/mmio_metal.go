//go:build metal

package virtio

import "motile/kernel/hw"

// Memory-mapped transport (virtio 1.2, 4.2).
const (
	mmioSize = 0x200

	mmioMagic         = 0x000
	mmioVersion       = 0x004
	mmioDeviceID      = 0x008
	mmioDevFeatures   = 0x010
	mmioDevFeatSel    = 0x014
	mmioDrvFeatures   = 0x020
	mmioDrvFeatSel    = 0x024
	mmioQueueSel      = 0x030
	mmioQueueNumMax   = 0x034
	mmioQueueNum      = 0x038
	mmioQueueReady    = 0x044
	mmioQueueNotify   = 0x050
	mmioInterrupt     = 0x060
	mmioInterruptAck  = 0x064
	mmioStatus        = 0x070
	mmioQueueDesc     = 0x080
	mmioQueueDriver   = 0x090
	mmioQueueDevice   = 0x0a0
	mmioConfig        = 0x100
	mmioMagicValue    = 0x74726976
	mmioModernVersion = 2
)

type mmio struct{ r hw.Registers }

func (m mmio) deviceType() int { return int(m.r.Read32(mmioDeviceID)) }

func (m mmio) features() uint64 {
	m.r.Write32(mmioDevFeatSel, 0)
	lo := m.r.Read32(mmioDevFeatures)
	m.r.Write32(mmioDevFeatSel, 1)
	return uint64(lo) | uint64(m.r.Read32(mmioDevFeatures))<<32
}

func (m mmio) setFeatures(f uint64) {
	m.r.Write32(mmioDrvFeatSel, 0)
	m.r.Write32(mmioDrvFeatures, uint32(f))
	m.r.Write32(mmioDrvFeatSel, 1)
	m.r.Write32(mmioDrvFeatures, uint32(f>>32))
}

func (m mmio) status() uint8     { return uint8(m.r.Read32(mmioStatus)) }
func (m mmio) setStatus(s uint8) { m.r.Write32(mmioStatus, uint32(s)) }

func (m mmio) queueMax(i int) int {
	m.r.Write32(mmioQueueSel, uint32(i))
	return int(m.r.Read32(mmioQueueNumMax))
}

func (m mmio) setQueue(i int, q *queue) {
	m.r.Write32(mmioQueueSel, uint32(i))
	m.r.Write32(mmioQueueNum, uint32(q.size))
	for reg, a := range map[int]uint64{mmioQueueDesc: q.desc.Addr, mmioQueueDriver: q.avail.Addr, mmioQueueDevice: q.used.Addr} {
		m.r.Write32(reg, uint32(a))
		m.r.Write32(reg+4, uint32(a>>32))
	}
	m.r.Write32(mmioQueueReady, 1)
}

func (m mmio) notify(i int) { m.r.Write32(mmioQueueNotify, uint32(i)) }

func (m mmio) acknowledge() bool {
	pending := m.r.Read32(mmioInterrupt)
	m.r.Write32(mmioInterruptAck, pending)
	return pending != 0
}

func (m mmio) config8(off int) uint8 { return m.r.Read8(mmioConfig + off) }
