// Package filesys is the protocol between a node's kernel and a file server: what
// becomes of Linux's file system calls whose path leads below a mount. PROTOCOL.md says
// who owns what.
//
// A reply's status is STD_OK whenever the server has understood the request and the
// capability was good; Header.Extra then has a Linux error number, 0 if all went well.
package filesys
