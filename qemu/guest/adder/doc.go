// Command adder is a server with a counter, whose one operation must not be done
// twice, and its clients.
//
//	adder serve NAME   serve under the port of that name, for ever
//	adder call NAME [CALLS PAUSE]
//	                   add 1 as fast as the server lets it, until the input ends or
//	                   so often, and with a pause after each; then say how many calls
//	                   there were and how many failed
package main
