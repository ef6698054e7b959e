package bullet

import "motile/ipc/std"

// Disk is what a Store is on. Several goroutines may use it.
type Disk interface {
	Blocks() uint64
	// Read and Write are of whole blocks. A Write that was interrupted has written any of
	// them, and none in part.
	Read(block uint64, p []byte) error
	Write(block uint64, p []byte) error
	// Sync returns when all that was written before is on stable storage.
	Sync() error
}

const blockSize = std.DiskBlock

// Blank is a Disk that may know that it was all zeros when it was opened, so that nobody
// need look.
type Blank interface{ Blank() bool }

// blocksOf is how many blocks so many bytes take.
func blocksOf(n uint64) uint64 { return (n + blockSize - 1) / blockSize }
