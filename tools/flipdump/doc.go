// Command flipdump prints a capture of a cluster's network (motile capture makes them), a line
// a frame: when, which node to which, the type of the FLIP frame, from which address to
// which, and what the message in it says, with the names of commands and what is in
// requests and replies. Lines that begin with # tell what becomes of processes that
// move, under the frame by which it does.
//
//	motile capture -o x.pcapng --for 10s
//	flipdump --key .motile/key x.pcapng
//	flipdump --move 1000005 x.pcapng
//	flipdump --strict --stats x.pcapng
package main
