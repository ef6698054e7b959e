// Package info reads what the boot loader says about the machine: the PVH
// hvm_start_info structure, its memory map, module list and command line.
// It allocates nothing, because it runs before the Go runtime.
package info
