// Package nodetest runs a whole cluster of nodes in one goroutine: the kernel's
// own dispatchers, process tables and protocols, over ordinary memory, on a
// virtual clock and a wire that loses, repeats and delays what a seed says.
//
// User programs are Go functions that are called whenever their thread is in user
// mode; all they remember is in the thread's registers and memory, so they move
// with it (program.go).
package nodetest
