// Package file is the file server: files and directories with the semantics of POSIX,
// by the protocol of package ipc/filesys.
//
// Server is a state machine: requests in, replies out, the clock's time with them. A
// request that makes a file shared between nodes first wants these told (Recall): then
// Do has changed nothing, and is to be called again when they have been. So it is with
// contents that are not in memory (Need). Running is the loop around it that talks to the
// network, and to storage.
//
//	server.go, open.go, names.go, data.go, walk.go   what is asked
//	inode.go, content.go                             the tree, and what files have in them
//	ledger.go                                        what storage does not have yet
//	cut.go                                           … of one instant, taken to be written
//	keeper.go                                        writing it
//	recover.go                                       and finding it again
//	disks.go, mend.go                                two copies of it, and one that catches up
//	format.go, load.go                               as bytes, and back
//	bulletstore.go                                   storage: Bullet files and a row of Soap
//	run.go, persist.go                               the loops
//
// # What is on storage
//
// Bullet files, which never change and are there as a whole or not at all:
//
//	block      64 KB of a file's contents at most
//	part       inodes of 256 numbers, with their names and where their blocks are
//	root       a checkpoint: where all parts are
//	journal    what has changed since: a record for each commit, which has the number
//	           behind the last one's
//
// and the anchor, a row of Soap's /storage, which names the newest root. The state is the
// root's parts and then the records of the journal from the root's number on.
//
// # Two disks
//
// Each of these files has a copy on each of up to two disks, and what names it names a set of
// capabilities. The anchor's set says which disks are current: on each of them is all that was
// acknowledged, so any one of them will do, and no other is asked for a root or a journal.
//
// A disk on which a file cannot be made, for another reason than that it is full, is used no
// more if the other one is current and has made its copy. Before anything else happens the
// anchor is changed to a set without it: that is what makes what comes after count with one
// copy. If the anchor names two and one does not answer when a server starts, the other is
// waited for a while, and then done without in the same way. A disk that the anchor does not
// name is not believed, whatever is there: with nothing else the server waits, and says for
// what.
//
// A disk that is not current and answers catches up. From then on new files get copies there;
// what nothing names is destroyed; blocks that have no copy there get one, a few at a
// time, between commits; and when none lacks one, a checkpoint ends the journal that the disk
// may not have, and its anchor names both. Bullet files never change, so copies of what
// was there before the disk was lost are as good as ever, if they are still there.
//
// # A commit
//
// All that has changed since the last one is cut out of the state at one instant: so what
// a commit brings is a tree that was real then. Requests go on meanwhile: whoever changes a
// block that is being written gets a copy of it. There is one commit at a time.
//
//	1  blocks that have changed become Bullet files; few and small ones go into the record
//	2  a record of the journal                             — the commit point
//	3  Bullet files that nothing names any more are destroyed
//
// or, when the journal has grown, and when a server starts,
//
//	1  all blocks that are in no Bullet file of their own become some
//	2  parts in which something has changed, and a root that names all
//	3  the anchor is changed from the old root to this one — the commit point
//	4  the journal, the parts and blocks before, and the old root are destroyed
//
// Each step begins when what the steps before have made is on stable storage. So whenever
// the power fails, the commit before is found, or this one. What an interrupted commit has
// made already, and what 3 and 4 had not destroyed for good, is named by nothing: who starts
// finds it by Bullet's tags.
//
// A step that fails is done again with the same cut. A record of which nobody knows whether
// it was made is made again, the same bytes: either will do.
//
// # Who may write
//
// Whoever starts changes the anchor first, by compare-and-swap: to a root that says the
// same, and how many servers there have been. A server that was taken for dead, and is not,
// cannot install anything from then on, and looks at the anchor after each record before
// it tells anybody: either the record was there before the storage was taken over, and then
// the new server has found it, or the old one says nothing. The new one begins with a
// checkpoint, and journals of former lives do not count from there on.
//
// # What survives
//
// What was changed before an fsync (SYNC), of that file or any other, when that is answered;
// so too what is written through a capability without RightLazy, as O_SYNC and O_DSYNC ask
// for. All else is written at most two seconds after it was changed. With 4 MB that are not, writers
// wait. Afterwards the tree is as it was at an instant not before the last fsync that was
// answered: never the rename without what was in the file, and never half of either.
//
// Inodes keep their numbers and secrets, so what nodes have open goes on when there is a
// server again. It does not serve before nodes believe nothing more that the last one has
// granted. Contents' versions begin above all of before: nothing that a node has kept of
// what was lost is taken for what comes after. Which node has which file open is not kept;
// a file without a name is asked for at all nodes that were known (Doubts) before it goes.
//
// # Memory
//
// All inodes and names are in memory, up to a bound, and of the contents what is not on
// storage and what was used last. Blocks are read when they are asked for.
package file
