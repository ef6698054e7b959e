// Command ipd is the TCP/IP server of a cluster. It is started on the node that has a
// network card to the outside:
//
//	ipd [-addr 10.0.2.15/24] [-gateway 10.0.2.2] [-node N] &
//
// With -loopback it needs no card: programs of the cluster reach each other by 127.0.0.1
// and by local sockets.
//
// Its addresses are those that QEMU's user networking gives its only machine.
package main
