package filesys

import (
	"motile/ipc/capability"
	"motile/ipc/std"
)

// Commands. The header's capability is that of a directory, at which the path in the data
// starts, or of the file.
const (
	// Open: Extra the flags of open(2), Size the mode; data: Opener, Place. Reply: in the
	// header the capability of the file; data: Found.
	Open = std.PrivateFirst + 240 + iota
	// Stat: Extra NoFollow or 0; data: Place. Reply: data: Found.
	Stat
	// Mkdir: Size the mode; data: Place.
	Mkdir
	// Unlink, Rmdir; data: Place.
	Unlink
	Rmdir
	// Rename, Link: Extra is NoReplace, for Link Follow; data: Two.
	Rename
	Link
	// Symlink; data: Place, and the target as the rest.
	Symlink
	// Readlink; data: Place. Reply: data: the target.
	Readlink
	// Set: Extra NoFollow or 0; data: Change, Place. Reply: data: Found.
	Set
	// Read: Offset, Size; Extra the node that reads. Reply: Object the grant, Size; data: Written, and the
	// bytes.
	Read
	// Write: Offset, Append for the end; Extra the node that writes, Size the end of the grant that
	// it gives back, 0: it has none; the data. Reply: Size taken, Offset the
	// position behind it, Object the grant; data: Written.
	Write
	// List: Offset a cookie, Size how many bytes. Reply: data: Entry after Entry.
	List
	// Sync: Extra 1: all of the server.
	Sync
	// Hold: data: Opener and Held, any number. Reply: for each a grant, 64 bits.
	Hold
	// Release: likewise.
	Release
	// Recall, to a node: Offset the object; data: Recalled. Reply: Extra 1 if the node has it open.
	Recall
	// Seek moves an offset that the server keeps, as lseek(2) does: Offset, Size whence; data: Shared.
	// Reply: Offset.
	Seek
	// Space. Reply: data: Room.
	Space
	// Lock takes, changes or gives up a lock, or looks for one in the way: data: Opener (Seq: the
	// highest number that the node has given out), LockAsk.
	// Reply: EAGAIN in Extra if one is in the way; of a test, data: LockAsk, the one in the way, or Unlocked.
	Lock
	// Unlock, of the node's own: data: Opener, Unlocked. No answer is waited for.
	Unlock
)

// Flags of requests, beside those of open(2).
const (
	NoFollow  = 1
	NoReplace = 1
	Follow    = 1
)

// Append as the Offset of a Write is the file's end.
const Append = ^uint64(0)

// Stream as the Offset of a Read or Write is an offset that the server keeps: the data is, or begins with, Shared,
// and the reply's Offset is where it is then.
const Stream = ^uint64(1)

// KeepsOffsets in the Size of the replies to Open and Hold: the server has Stream and Seek.
const KeepsOffsets = 1

// Leave in the Extra of a reply says that the path leads out of the server: data: Way.
const Leave = 1 << 16

// NotHere in the Extra of a reply to Lock: the server does not know that the node has the file open. It will hear of that
// soon if the process has just come.
const NotHere = 1 << 17

// MaxData is how much one Write moves, or a Read as a rule. Each thread of a node may have
// that much in its kernel's memory.
const MaxData = 32 << 10

// MaxRead is how much a Read moves if the node has room for more.
const MaxRead = 256 << 10

// MaxPath is the longest path and the longest target of a link.
const MaxPath = 4096

// Lease is how long, in ns, a node that has heard nothing from a server believes what it
// knows of its files.
const Lease = 2e9

// Rights of a capability of a file or directory.
const (
	RightRead  capability.Rights = 1 << iota // read, list, look up
	RightWrite                               // write, make and remove names
	RightAttr                                // change mode and times
	RightLazy                                // have writes answered before they are on stable storage
)

// Rights are the names of the rights, for people.
var Rights = capability.Names{Prefix: "FS_", Rights: []capability.Name{
	{Bit: RightRead, Name: "READ"},
	{Bit: RightWrite, Name: "WRITE"},
	{Bit: RightAttr, Name: "ATTR"},
	{Bit: RightLazy, Name: "LAZY"},
}}
