// Command mkkernel makes a Go-linked kernel bootable: it is the post-link step
// of the build (see package boot/pvh).
//
//	mkkernel IN.elf OUT.elf
//
// Keep IN for gdb; boot OUT with qemu -kernel.
package main
