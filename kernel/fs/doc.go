// Package fs is the file tree of one node: directories, files, symbolic links
// and devices in memory, filled from the boot archive.
//
// Files of the archive are immutable stores named by the digest of their
// content, so a process that moves finds the same file on the other node without
// a byte of it being sent. Writing to such a file gives the tree a private,
// writable copy first; a process that has one open has something that is only
// here (see migrate).
package fs
