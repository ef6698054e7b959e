// Package bullet is Amoeba's file server: files are made in one go, lie contiguously on
// the disk, and never change once they are committed. So there is nothing to lock, a
// cache is never stale, and what is on the disk is whole or not there.
//
// # The disk
//
//	block 0                superblock
//	from block 1 on        inode table: inodes of 64 bytes, 8 to a block
//	then                   data: each file's blocks, one behind the other
//	the last block         copy of the superblock
//
// An inode has the file's place, size, secret, a checksum of its contents and one of
// itself (layout.go). What is free is not written down: it is what no inode has, and is
// found when the disk is mounted (mount.go, space.go).
//
// # What survives
//
// A file's contents and its inode are written, the disk is synced, and then the file is
// committed (commit.go). A block of the disk is written whole or not at all, so an inode
// is there or it is not. One that is there, of a file that is not there yet, is found out
// by its checksum when the disk is mounted. Removed files give their blocks back when
// their inode's end is on stable storage, and not before: nothing ever overwrites what an
// inode on the disk might still stand for.
//
// Commits that come at the same time share a sync, so that many cost little more than one.
//
// A file that was committed with BulletSafety is on stable storage when the request is
// answered; without, within a second or so, or after BULLET_SYNC. A file that is not
// committed is gone after a crash, and after ten minutes in which nobody touches it.
//
// # The code
//
// Store is all of that, over a Disk, without messages; several goroutines may use it.
// Tests give it a disk that loses and tears what was not synced, at any instant. serve.go
// is what requests ask of it; remote.go is the Disk that a node's kernel serves.
package bullet
