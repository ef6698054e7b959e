// Package virtio drives virtio 1.x devices (OASIS Virtual I/O Device Version 1.2)
// over memory-mapped registers (microvm) and PCI (pc, q35): network and entropy.
//
// Rings are split virtqueues. Buffers are allocated once; a frame costs one copy
// each way and no allocation.
package virtio
