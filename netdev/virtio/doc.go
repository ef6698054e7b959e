// Package virtio drives virtio 1.x devices (OASIS Virtual I/O Device Version 1.2)
// over memory-mapped registers (microvm) and PCI (pc, q35): network, disks
// and entropy.
//
// Rings are split virtqueues. Buffers are allocated once; a frame costs one copy
// each way and no allocation, and so does a block of a disk.
package virtio
