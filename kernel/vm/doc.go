// Package vm is the memory of user processes: address spaces, their regions and
// page tables, copy-on-write, and the pages of files that many processes share.
//
// # Who owns a page frame
//
// Every frame of a user's page has a count of its users: one for each page-table
// entry that maps it and one for the Store that holds it. A frame with a count
// of one that no Store holds is private and may be mapped writable; any other is
// mapped read-only in private regions and copied on the first write. An entry
// whose frame came from a Store carries the bit pteStore, so that migration can
// tell a page that equals its file from one that the process made.
//
// # Kernel access to user memory
//
// The kernel never dereferences a user's address. CopyIn and CopyOut walk the
// page tables and use the direct map, which needs no fault handling, works in
// any address space (a reply is written to a process that is not running), and
// leaves SMAP on for good.
//
// # Pages that are away
//
// A process can be moved before its pages are. What it has then is marks, and who touches
// one waits: away.go.
//
// Everything here belongs to the dispatcher; there are no locks.
package vm
