//go:build metal

package hw

// PCI configuration space by mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2).

// PCI is the address of one function.
type PCI struct{ Bus, Device, Function uint8 }

func (p PCI) address(reg uint8) uint32 {
	return 1<<31 | uint32(p.Bus)<<16 | uint32(p.Device)<<11 | uint32(p.Function)<<8 | uint32(reg&^3)
}

// Read32 reads the aligned configuration word that holds reg.
func (p PCI) Read32(reg uint8) uint32 {
	Out32(0xcf8, p.address(reg))
	return In32(0xcfc)
}

// Write32 writes an aligned configuration word.
func (p PCI) Write32(reg uint8, v uint32) {
	Out32(0xcf8, p.address(reg))
	Out32(0xcfc, v)
}

// Read8 reads one byte.
func (p PCI) Read8(reg uint8) uint8 { return uint8(p.Read32(reg) >> (reg & 3 * 8)) }

// EachPCI calls f for every function on bus 0, where QEMU puts its devices.
// A machine without PCI has none.
func EachPCI(f func(p PCI, vendor, device uint16)) {
	for d := range uint8(32) {
		for fn := range uint8(8) {
			p := PCI{0, d, fn}
			id := p.Read32(0)
			if id&0xffff == 0xffff {
				if fn == 0 {
					break
				}
				continue
			}
			f(p, uint16(id), uint16(id>>16))
			if fn == 0 && p.Read8(0x0e)&0x80 == 0 {
				break // not a multi-function device
			}
		}
	}
}
