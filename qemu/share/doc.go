// Package share shows a folder of the host to the programs of a cluster: it is a file
// server (package ipc/filesys) whose files are the host's.
//
// Whatever a path or a link says, nothing outside of the folder is reached: every access
// goes through an os.Root, and links are followed here, name by name, so that an absolute
// one means what it does to the program, on its node. Files change on the host without
// our hearing of it, so nodes are never granted to keep pages. Devices, sockets and pipes
// of the host are seen, and cannot be opened.
package share
