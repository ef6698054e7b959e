//go:build metal

package virtio

import (
	"strconv"
	"strings"

	"motile/kernel/hw"
)

// Found is what Probe has found.
type Found struct {
	Nets    []*Net
	Disks   []*Disk
	Entropy []byte // from virtio-rng, nil if there is none
	Errors  []error
}

// entropyBytes is how much of the host's entropy seeds the generator.
const entropyBytes = 64

// Probe brings up every virtio device it knows. Memory-mapped devices are named
// on the kernel's command line by QEMU, as virtio_mmio.device=SIZE@ADDRESS:IRQ.
func Probe(commandLine string) *Found {
	f := new(Found)
	for word := range strings.FieldsSeq(commandLine) {
		if arg, ok := strings.CutPrefix(word, "virtio_mmio.device="); ok {
			f.mmioDevice(arg)
		}
	}
	hw.EachPCI(func(p hw.PCI, vendor, device uint16) {
		if vendor == pciVendor {
			f.pciDevice(p, device)
		}
	})
	return f
}

func (f *Found) mmioDevice(arg string) {
	_, rest, ok1 := strings.Cut(arg, "@")
	at, line, ok2 := strings.Cut(rest, ":")
	addr, err1 := strconv.ParseUint(at, 0, 64)
	irq, err2 := strconv.Atoi(line)
	if !ok1 || !ok2 || err1 != nil || err2 != nil {
		return
	}
	m := mmio{hw.MapRegisters(addr, mmioSize)}
	if m.r.Read32(mmioMagic) != mmioMagicValue || m.deviceType() == 0 {
		return // an empty slot
	}
	if m.r.Read32(mmioVersion) == mmioModernVersion {
		f.device(m, irq)
	}
}

func (f *Found) pciDevice(p hw.PCI, device uint16) {
	kind := int(device) - pciModern
	switch device {
	case pciNetOld:
		kind = typeNet
	case pciBlockOld:
		kind = typeBlock
	case pciRngOld:
		kind = typeEntropy
	}
	if kind != typeNet && kind != typeBlock && kind != typeEntropy {
		return
	}
	if t, ok := openPCI(p, kind); ok {
		f.device(t, int(p.Read8(pciIRQLine)))
	}
}

func (f *Found) device(t transport, irq int) {
	total := int(hw.Stats().Total * hw.PageSize)
	switch t.deviceType() {
	case typeNet:
		d, err := newNet(t, irq, total, hw.AllocDMA)
		if err != nil {
			f.Errors = append(f.Errors, err)
			return
		}
		f.Nets = append(f.Nets, d)
	case typeBlock:
		d, err := newDisk(t, irq, total, hw.AllocDMA)
		if err != nil {
			f.Errors = append(f.Errors, err)
			return
		}
		f.Disks = append(f.Disks, d)
	case typeEntropy:
		b, err := entropy(t, entropyBytes, hw.AllocDMA)
		if err != nil {
			f.Errors = append(f.Errors, err)
		}
		f.Entropy = append(f.Entropy, b...)
	}
}
