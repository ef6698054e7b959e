// Package file is the file server: files and directories with the semantics of POSIX,
// by the protocol of package ipc/filesys.
//
// Server is a state machine: requests in, replies out, the clock's time with them. A
// request that makes a file shared between nodes first wants these told (Recall): then
// Do has changed nothing, and is to be called again when they have been. Run is the loop
// around it that talks to the network.
package file
