//go:build metal

package hw

// Registers is a block of device registers, mapped uncached.
type Registers struct{ base uintptr }

// MapRegisters maps n bytes of registers at physical address pa.
func MapRegisters(pa uint64, n int) Registers { return Registers{MapMMIO(pa, uintptr(n))} }

func (r Registers) Read8(off int) uint8       { return *(*uint8)(pointer(r.base + uintptr(off))) }
func (r Registers) Read16(off int) uint16     { return *(*uint16)(pointer(r.base + uintptr(off))) }
func (r Registers) Read32(off int) uint32     { return *(*uint32)(pointer(r.base + uintptr(off))) }
func (r Registers) Write8(off int, v uint8)   { *(*uint8)(pointer(r.base + uintptr(off))) = v }
func (r Registers) Write16(off int, v uint16) { *(*uint16)(pointer(r.base + uintptr(off))) = v }
func (r Registers) Write32(off int, v uint32) { *(*uint32)(pointer(r.base + uintptr(off))) = v }

// AllocDMA returns n bytes of zeroed memory for a device. It is for start-up:
// the memory is never given back.
func AllocDMA(n int) (DMA, bool) {
	p := AllocContiguous((n + PageSize - 1) / PageSize)
	if p == 0 {
		return DMA{}, false
	}
	return DMA{p.Address(), Physical(p.Address(), n)}, true
}
