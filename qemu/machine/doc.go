// Package machine runs one node: a QEMU that boots a kernel by PVH, and what
// the host holds of it.
//
//	Spec      what the machine is made of (spec.go), and its command line (args.go)
//	Process   the running QEMU: started, watched, killed (process.go), how it ended (exit.go)
//	Console   the serial line: its recent past, and everyone who watches (console.go)
//	QMP       QEMU's control socket (qmp.go)
//
// A QEMU never outlives the program that started it, however that ends: the
// kernel kills it (PR_SET_PDEATHSIG). It is only ever ended by the process id
// that Start returned.
//
// Everything a node is connected to must listen before Start: the stream
// netdev of QEMU 7.2 connects once, and stays silent if nobody was there.
package machine
