// Package soap is Amoeba's directory server: directories map names to capability sets,
// with columns of masks that say what who may do with the objects.
//
// Replicas hold the same state, because each carries out the same updates in the same
// order. So what an update does is a function of the state and the update: State is
// pure, and the time and the random numbers in an update are those of the replica that a
// client has asked.
//
//	state.go    directories, and who may ask what
//	lookup.go   what is answered without changing anything
//	update.go   what changes something, once however often it comes
//	install.go  several changes at once, or none
//	age.go      directories that nobody can reach any more
//	file.go     directories and the rest of the state as bytes
//	keep.go     how they come onto a disk, so that a crash leaves the old or the new
//	journal.go  … most of the time as the updates alone
//	quorum.go   how replicas find the newest state again
//	watch.go    clients that keep what they have looked up
//	server.go   a replica: what clients ask
//	order.go    … updates on their way to the others
//	wait.go     … who waits for what
//	replica.go  … the group that it is in
//	peers.go    … what replicas ask each other
//
// # What holds
//
// An update that was answered with STD_OK is on the disks of a majority of the replicas, so
// it survives the loss of any minority, disks and all, and of the power of all. It is
// carried out once, however often a client repeats it under its number. Every lookup that
// begins after the answer, at whatever replica, from whatever client's cache, sees it; but a
// replica that is cut off from the others goes on answering lookups by what it knew, for
// those who are cut off with it.
//
// An update that was answered with SP_UNAVAIL, or not at all, may have been carried out, or
// be yet: who repeats it under its number learns which.
//
// # Who talks to whom
//
// All replicas serve one port, and a client's kernel picks one. Each has a port of its own
// too, for the other replicas, and for clients whose cache it looks after. A replica that is
// in no group passes clients on to one that is.
package soap
