//go:build metal

package rt

import (
	"unsafe"

	"motile/boot/info"
	"motile/kernel/abi"
	"motile/kernel/hw"
)

const (
	bootStackSize = 192 << 10 // the runtime takes 64 KB of it as its first g0
	argBlockSize  = 512
	trapStackSize = 16 << 10
	stubBase      = hw.ImageBase + 0x101000 // boot/pvh: page 1 of the boot segment
	stubSize      = 16
)

var (
	bootStack [bootStackSize]byte
	bootG     [512]byte
	bootTLS   [64]byte
	startInfo uint64

	// Boot is what the loader told us.
	Boot info.Info
)

// Stacks the CPU switches to. Interrupt handlers never nest, except that code
// in trap context could fault by mistake: page faults and the unrecoverable
// vectors have stacks of their own, so that such a mistake is still reported.
var (
	syscallStack [trapStackSize]byte
	trapStack    [trapStackSize]byte // IST 1: interrupts and exceptions
	faultStack   [trapStackSize]byte // IST 2: page faults
	fatalStack   [trapStackSize]byte // IST 3: double fault, NMI, machine check
	idleStack    [1024]byte
)

// Descriptor tables (Intel SDM vol. 3, chapters 3 and 6).
var (
	gdt [10]uint64
	idt [512]uint64
	tss [26]uint32
)

func address[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

// early runs before the Go runtime, on bootStack, with a g of zeros. It may
// call ordinary Go as long as nothing allocates.
func early() {
	in, ok := info.Parse(hw.Physical, startInfo)
	if !ok {
		fatal("no PVH start info\n")
	}
	Boot = in
	var ram [hw.MaxRanges]hw.Range
	for i := range in.NRAM {
		ram[i] = hw.Range{Start: in.RAM[i].Start, End: in.RAM[i].End}
	}
	used := [hw.MaxUsed]hw.Range{
		{Start: 0, End: 1 << 20}, // firmware, start info, command line
		{Start: 1 << 20, End: uint64(imageEnd()) - hw.ImageBase},
		{Start: in.Archive.Start, End: in.Archive.End},
	}
	initThreads()
	initDescriptors()
	hw.Init(&ram, in.NRAM, &used, 3)
	initArguments()
}

func initDescriptors() {
	tssAt, tssLimit := address(&tss), uint64(len(tss)*4-1)
	gdt = [10]uint64{
		0,
		0x00cf9b000000ffff, // 0x08 unused
		0x00af9b000000ffff, // 0x10 kernel code
		0x00cf93000000ffff, // 0x18 kernel data
		0x00cffb000000ffff, // 0x20 user 32-bit code: only SYSRET's arithmetic wants it
		0x00cff3000000ffff, // 0x28 user data
		0x00affb000000ffff, // 0x30 user code
		0,
		tssLimit&0xffff | tssAt&0xffffff<<16 | 0x89<<40 | tssAt>>24&0xff<<56, // 0x40 TSS
		tssAt >> 32,
	}
	setIST := func(n int, stack uint64) {
		top := stack + trapStackSize
		tss[9+2*(n-1)], tss[10+2*(n-1)] = uint32(top), uint32(top>>32)
	}
	setIST(1, address(&trapStack))
	setIST(2, address(&faultStack))
	setIST(3, address(&fatalStack))
	tss[1], tss[2] = uint32(address(&trapStack)+trapStackSize), uint32((address(&trapStack)+trapStackSize)>>32)
	tss[25] = uint32(len(tss)*4) << 16 // no I/O permission bitmap

	for v := range 256 {
		ist, dpl := uint64(1), uint64(0)
		switch v {
		case abi.VecPage:
			ist = 2
		case abi.VecDouble, abi.VecNMI, abi.VecMachine:
			ist = 3
		case abi.VecBreak, abi.VecOverflow:
			dpl = 3
		}
		at := stubBase + uint64(v)*stubSize
		idt[2*v] = at&0xffff | 0x10<<16 | ist<<32 | (0x8e|dpl<<5)<<40 | at>>16&0xffff<<48
		idt[2*v+1] = at >> 32
	}
	gdtr := tableRegister(uint16(len(gdt)*8-1), address(&gdt))
	idtr := tableRegister(uint16(len(idt)*8-1), address(&idt))
	loadTables(&gdtr, &idtr)

	hw.WriteMSR(hw.MSRSTAR, 0x23<<48|0x10<<32)
	hw.WriteMSR(hw.MSRLSTAR, uint64(addrSyscallEntry()))
	hw.WriteMSR(hw.MSRSFMASK, 0x47700) // TF IF DF IOPL NT AC
	cr4 := hw.ReadCR4() | hw.CR4TSD
	if max, _, _, _ := hw.CPUID(0, 0); max >= 7 {
		_, b, _, _ := hw.CPUID(7, 0)
		if b&(1<<7) != 0 {
			cr4 |= hw.CR4SMEP
		}
		if b&(1<<20) != 0 {
			cr4 |= hw.CR4SMAP
		}
	}
	hw.WriteCR4(cr4)
}

func tableRegister(limit uint16, base uint64) (r [10]byte) {
	r[0], r[1] = byte(limit), byte(limit>>8)
	for i := range 8 {
		r[2+i] = byte(base >> (8 * i))
	}
	return r
}

// Strings of the argument block must have addresses before there is a heap.
var (
	argName  = [...]byte{'m', 'o', 't', 'i', 'l', 'e', 0}
	envTrace = [...]byte{'G', 'O', 'T', 'R', 'A', 'C', 'E', 'B', 'A', 'C', 'K', '=', 'a', 'l', 'l', 0}
	// random seeds the runtime's own generator, which hashes its maps and
	// writes into it. It need not be secret, only not constant.
	random [16]byte
)

// initArguments leaves argc, argv, envp and auxv (elf(5), getauxval(3)) at the
// top of the boot stack, where _rt0_amd64_linux looks.
func initArguments() {
	for i := range random {
		random[i] = byte(hw.TSC()>>(i&3)) ^ byte(i*29+1)
	}
	const auxPageSize, auxRandom = 6, 25
	block := (*[argBlockSize / 8]uint64)(unsafe.Pointer(&bootStack[bootStackSize-argBlockSize]))
	*block = [argBlockSize / 8]uint64{
		1, address(&argName), 0,
		address(&envTrace), 0,
		auxPageSize, hw.PageSize, auxRandom, address(&random), 0, 0,
	}
}

func imageEnd() uintptr
func addrSyscallEntry() uintptr
func addrIdle() uintptr

//go:noescape
func loadTables(gdtr, idtr *[10]byte)
