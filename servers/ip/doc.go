// Package ip is the TCP/IP server: gVisor's netstack on one side, sockets as objects
// (ipc/sockio) on the other, and below it a node's raw card to the outside (ipc/nicio), if
// there is one. It has the local sockets of the cluster, too.
//
//	server.go   who is asked what: threads, capabilities, the commands of the server itself
//	socket.go   a socket, and the commands that it answers
//	watch.go    which node waits for what of a socket, and hears of it
//	hold.go     which nodes have a socket open, and when that is over
//	timeout.go  how long who waits is to wait
//	list.go     what people are told
//
//	endpoint.go what a socket does, which is one of two kinds:
//	netstack.go, option.go, address.go
//	            the network's, and its options, addresses and errors, as Linux has them
//	local.go, localdata.go, localoption.go
//	            local ones: names and connections; messages; options
//
//	link.go     the networks; frames from the card
//	send.go     frames to it
//
// All that a connection is lies in this process's memory. A program that uses it can be
// anywhere, and move; so can the server itself, which reaches its card by messages.
package ip
