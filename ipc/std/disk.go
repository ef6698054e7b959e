package std

import "motile/ipc/capability"

// Commands of Amoeba's disk server (server/disk/disk.h). DISK_CLAIM is ours: whoever is to
// write a disk claims it, and nobody who had it before writes any more, whatever he may
// think that he has it for. A node that boots again knows no claims. Blocks have 512 bytes, and are
// written whole or not at all if the power fails. A request's blocks need not be written
// in order, and what was written is on stable storage only after a DISK_SYNC that was
// asked for after the answer to the write.
const (
	DiskInfo  = DiskFirst + 0 // → text, a line for each fact
	DiskRead  = DiskFirst + 1 // Offset: first block; Size: blocks → data
	DiskWrite = DiskFirst + 2 // Offset: first block; Size: blocks; Extra: the claim; data
	DiskSize  = DiskFirst + 3 // → Offset: blocks; Extra: 1 if it is known to be all zeros
	DiskSync  = DiskFirst + 4 // Extra: the claim
	DiskClaim = DiskFirst + 5 // → Extra: the claim; those of all others get STD_DENIED from here on
)

const (
	DiskBlock = 512
	DiskMost  = 128 << 10 / DiskBlock // blocks of one request
)

// Rights of a disk.
const (
	DiskRgtRead  capability.Rights = 0x01
	DiskRgtWrite capability.Rights = 0x02
)
