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
package soap
