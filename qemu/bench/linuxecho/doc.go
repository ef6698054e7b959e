// Command linuxecho is the only program of a Linux machine, beside which we
// measure our own driver: it echoes Ethernet frames through a packet socket, or
// sends them to a machine that does.
//
// The kernel hands the words "role=echo" or "role=ping" and "peer=MAC" of its
// command line on as the environment. The one that pings reads a number from the
// console, exchanges so many frames, and prints how long each took, in
// nanoseconds, between lines that say "begin" and "end".
//
// With "role=web" and "addr=ADDRESS/BITS" it gives the card that address, and becomes the
// web server that is in the same boot archive.
package main
