// Package archive makes the boot archive: a newc cpio (cpio(5), "New ASCII
// Format") that the kernel takes its first files from.
//
// Three things set it apart from any other cpio. The content of a file of a page
// or more lies page-aligned, so that the kernel maps it where it lies. A manifest
// lists the SHA-256 digest of every regular file, so that a process that moves
// finds the same file on the other node by its content. And the same files give
// the same bytes, in whatever order they were added.
package archive
