//go:build metal

package virtio

import "motile/kernel/hw"

// PCI transport (virtio 1.2, 4.1).
const (
	pciVendor    = 0x1af4
	pciModern    = 0x1040 // plus the device type
	pciNetOld    = 0x1000 // transitional devices have ids of their own
	pciBlockOld  = 0x1001
	pciRngOld    = 0x1005
	pciCommand   = 0x04
	pciBAR0      = 0x10
	pciCapPtr    = 0x34
	pciIRQLine   = 0x3c
	pciVendorCap = 0x09

	capCommon, capNotify, capISR, capDevice = 1, 2, 3, 4

	comDevFeatSel  = 0x00
	comDevFeatures = 0x04
	comDrvFeatSel  = 0x08
	comDrvFeatures = 0x0c
	comStatus      = 0x14
	comQueueSel    = 0x16
	comQueueSize   = 0x18
	comQueueEnable = 0x1c
	comNotifyOff   = 0x1e
	comQueueDesc   = 0x20
	comQueueDriver = 0x28
	comQueueDevice = 0x30
)

type pci struct {
	kind                       int
	common, notifier, isr, dev hw.Registers
	notifyMul                  uint32
	notifyOff                  [4]int
}

// openPCI finds the register blocks of a modern device through its
// vendor-specific capabilities.
func openPCI(p hw.PCI, kind int) (*pci, bool) {
	p.Write32(pciCommand, p.Read32(pciCommand)&0xffff|0x6) // memory, bus master
	t := &pci{kind: kind}
	found := 0
	for at := p.Read8(pciCapPtr); at != 0; at = p.Read8(at + 1) {
		if p.Read8(at) != pciVendorCap {
			continue
		}
		bar, off, n := p.Read8(at+4), p.Read32(at+8), p.Read32(at+12)
		block := func() hw.Registers {
			base := uint64(p.Read32(pciBAR0+4*bar) &^ 15)
			if p.Read32(pciBAR0+4*bar)>>1&3 == 2 {
				base |= uint64(p.Read32(pciBAR0+4*bar+4)) << 32
			}
			return hw.MapRegisters(base+uint64(off), int(n))
		}
		switch p.Read8(at + 3) {
		case capCommon:
			t.common = block()
		case capNotify:
			t.notifier = block()
			t.notifyMul = p.Read32(at + 16)
		case capISR:
			t.isr = block()
		case capDevice:
			t.dev = block()
		default:
			continue
		}
		found++
	}
	return t, found >= 4
}

func (t *pci) deviceType() int { return t.kind }

func (t *pci) features() uint64 {
	t.common.Write32(comDevFeatSel, 0)
	lo := t.common.Read32(comDevFeatures)
	t.common.Write32(comDevFeatSel, 1)
	return uint64(lo) | uint64(t.common.Read32(comDevFeatures))<<32
}

func (t *pci) setFeatures(f uint64) {
	t.common.Write32(comDrvFeatSel, 0)
	t.common.Write32(comDrvFeatures, uint32(f))
	t.common.Write32(comDrvFeatSel, 1)
	t.common.Write32(comDrvFeatures, uint32(f>>32))
}

func (t *pci) status() uint8     { return t.common.Read8(comStatus) }
func (t *pci) setStatus(s uint8) { t.common.Write8(comStatus, s) }

func (t *pci) queueMax(i int) int {
	t.common.Write16(comQueueSel, uint16(i))
	return int(t.common.Read16(comQueueSize))
}

func (t *pci) setQueue(i int, q *queue) {
	t.common.Write16(comQueueSel, uint16(i))
	t.common.Write16(comQueueSize, uint16(q.size))
	for reg, a := range map[int]uint64{comQueueDesc: q.desc.Addr, comQueueDriver: q.avail.Addr, comQueueDevice: q.used.Addr} {
		t.common.Write32(reg, uint32(a))
		t.common.Write32(reg+4, uint32(a>>32))
	}
	t.notifyOff[i] = int(t.common.Read16(comNotifyOff)) * int(t.notifyMul)
	t.common.Write16(comQueueEnable, 1)
}

func (t *pci) notify(i int) { t.notifier.Write16(t.notifyOff[i], uint16(i)) }

func (t *pci) acknowledge() bool { return t.isr.Read8(0) != 0 }

func (t *pci) config8(off int) uint8 { return t.dev.Read8(off) }
