// Package std is the vocabulary that programs, servers and the kernel share:
// the header of a request or reply, the status codes, and the commands every
// service understands. It is what Amoeba keeps in amoeba.h, stderr.h and
// stdcom.h; the numbers are Amoeba's.
//
// The package holds no protocol, so user programs can import it without
// dragging the kernel's RPC machine in.
package std
