// Command flipecho sends messages through raw FLIP and gets them back.
//
//	flipecho serve NAME   echo what comes for the address of that name, for ever
//	flipecho call NAME    send numbered messages, each until it has come back whole,
//	                      until the input ends; then say how many there were, and how
//	                      many had to be sent again
package main
