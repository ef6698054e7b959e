package machine

// DefaultCPU is the one CPU model of all nodes. A process that moves has looked
// at CPUID once, when it was executed, and must find the same instructions for
// the rest of its life wherever it goes; so the model is part of the system, and
// not a choice of the host ("max" and "host" would make it one).
//
// It is the x86-64-v2 level, which today's Linux distributions build for, and
// the kernel's guards against using user pages by accident (SMEP, SMAP) and
// its second source of entropy (RDRAND). QEMU refuses to start if it cannot
// offer all of it (enforce). Version 1 of the model, because later ones add
// spec-ctrl, which TCG does not have.
//
// What it leaves out is left out for speed: under TCG, whose vector and string
// instructions are calls to C, Go programs are slower with the instructions
// that they would choose if they could. Measured inside a node, QEMU 7.2:
//
//	+aes        Go maps with string keys     35 % slower
//	+pclmulqdq  CRC-32, a page               55 % slower
//	+erms       clearing a page              40 % slower
//	-sse4.2 …   POPCNT, math.Floor           2 to 5 times slower (qemu64)
//
// SSE4.2 has a price, CRC-32C at a third of the speed, which level v2 is worth.
// AVX would need CR4.OSXSAVE, which the kernel leaves clear.
const DefaultCPU = "Nehalem-v1,+smep,+smap,+rdrand,enforce"
