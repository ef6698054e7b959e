// Package hostio is objects of the host that processes have open: terminals, and
// the ends of a host program's own input and output. A process reaches them from
// whatever node it is on, by their FLIP address, with the requests of package
// ipc/fileio.
//
//	Input      bytes from a file of the host, read only when a process wants them
//	Output     bytes to a file of the host, in the order in which they were written
//	Terminal   a line discipline, job control and a Screen, on which any number
//	           of people may look
//
// No request ever waits, except Poll, and that moves no data: so a process may be
// moved in the middle of a read that waits, and loses nothing.
package hostio
