package std

import "motile/ipc/capability"

// Commands of Amoeba's file server (server/bullet/bullet.h). Those that make a file, or
// another of one that cannot be changed any more, answer with its capability in the
// header. Segments answer READ and SIZE too: whoever can read a file can read memory.
const (
	BulletCreate  = BulletFirst + 1 // to the server, or to a file that may be just that; Extra: flags, Offset: a tag, 0: none; data
	BulletDelete  = BulletFirst + 2 // bytes from a file: Offset, Size; Extra: flags
	BulletFsck    = BulletFirst + 3 // to the server → Extra: how much is wrong; text
	BulletInsert  = BulletFirst + 4 // Offset; Extra: flags; data
	BulletModify  = BulletFirst + 5 // Offset, at most the size; Extra: flags; data
	BulletRead    = BulletFirst + 6 // Offset, Size → data; what lies behind the end is not there
	BulletSize    = BulletFirst + 7 // → Offset: bytes; Size: the same, 1<<32 - 1 if it is more
	BulletCompact = BulletFirst + 8 // to the server → Extra: how many files were moved; text
	BulletSync    = BulletFirst + 9 // to the server: what is committed is on stable storage
)

// BulletTagged, which Amoeba has not, finds files again for whoever has lost all that he
// knew: Offset is the tag that they were made with, 0: none → capabilities, 44 bytes each; Extra: 1 if
// there are more behind the one of the file Size, from which on the next request asks.
const BulletTagged = PrivateFirst + 219

// BulletNDestroy, which Amoeba has not either, is STD_DESTROY of several files at once, to
// the server: capabilities, 44 bytes each → Extra: how many were not good for that.
const BulletNDestroy = PrivateFirst + 218

// Flags of those commands.
const (
	BulletCommit uint32 = 1 // from now on the file cannot be changed, and can be read
	BulletSafety uint32 = 2 // with it: answer when the file is on stable storage
)

// Rights of files and of the server itself.
const (
	BulletRgtCreate  capability.Rights = 0x01
	BulletRgtRead    capability.Rights = 0x02
	BulletRgtModify  capability.Rights = 0x04
	BulletRgtDestroy capability.Rights = 0x08
	BulletRgtAdmin   capability.Rights = 0x80
)
