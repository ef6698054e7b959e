// Package machinetest makes a kernel of 400 bytes, for tests of the machinery
// around a node: QEMU command lines, consoles, supervision, clusters. It boots
// by PVH on every machine type, as Motile does, and needs no compiler.
//
// The guest prints the line by which a node says that it is ready, taking its
// number from "node=N" on the kernel command line, and then obeys its console:
//
//	F  ends QEMU by isa-debug-exit, with exit status 33, as a panic would
//	T  triple-faults, which -no-reboot turns into exit status 0
//	K  pulses reset through the keyboard controller, where there is one
//	C  prints EDX and ECX of CPUID leaf 1, EBX of leaf 7, EDX and ECX of 0x80000001
//	.. anything else is echoed
//
// If "die!" stands on the kernel command line, it does F at once; if "mute"
// does, it never says that it is ready.
//
// While it waits it halts, so that idle guests leave the host's CPUs alone.
package machinetest
