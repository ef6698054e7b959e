// Package image is a stopped process as data: what a migration sends and, later,
// what a checkpoint stores.
//
// An image is a sequence of records in a container (container.go): a header with
// a version, then records of a type, flags and a length, then an end record. A
// reader keeps optional records it does not know and refuses required ones by
// name. The metadata of a process is one record of deterministic CBOR (RFC 8949,
// 4.2.1) whose fields have numbers, so that old images stay readable; pages are
// not in it but follow as a stream.
//
// Times in an image are never clock readings: deadlines are what remained, clocks
// are offsets. Nothing names a place: files are digests and paths, objects are
// FLIP addresses.
package image
