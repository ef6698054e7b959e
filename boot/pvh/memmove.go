package pvh

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// Go's memmove copies up to 2048 bytes in a loop of SSE moves, and more with REP
// MOVS, which real CPUs do in their microcode. QEMU's TCG emulates REP one element
// at a time: 36 ns for 8 aligned bytes, and for each byte that is not aligned, where
// the loop takes 7 ns for 8. The loop is right for any length; so the comparison
// that leaves it gets a limit that nothing reaches.
const memmoveSymbol = "runtime.memmove"

var (
	// CMPQ BX, $2048; JBE (near) to the loop
	shortMove = []byte{0x48, 0x81, 0xfb, 0x00, 0x08, 0x00, 0x00, 0x0f, 0x86}
	anyMove   = []byte{0x48, 0x81, 0xfb, 0xff, 0xff, 0xff, 0x7f, 0x0f, 0x86}
)

// patchMemmove changes the copy of memmove in out, the file that f describes.
func patchMemmove(out []byte, f *elf.File) error {
	syms, err := f.Symbols()
	if err != nil {
		return fmt.Errorf("pvh: %w", err)
	}
	for _, s := range syms {
		if s.Name != memmoveSymbol && s.Name != memmoveSymbol+".abi0" {
			continue
		}
		text := f.Sections[s.Section]
		off := text.Offset + s.Value - text.Addr
		return patchMove(out[off : off+s.Size])
	}
	return fmt.Errorf("pvh: no symbol %s", memmoveSymbol)
}

func patchMove(code []byte) error {
	if n := bytes.Count(code, shortMove); n != 1 {
		return fmt.Errorf("pvh: %s has changed: %d comparisons with 2048, not 1; look at the new one", memmoveSymbol, n)
	}
	copy(code[bytes.Index(code, shortMove):], anyMove)
	return nil
}
