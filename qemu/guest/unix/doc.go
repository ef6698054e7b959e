// Command unix exchanges numbers by local sockets, one at a time for a while, and says how many:
//
//	unix pair SECONDS           with a child of its own, by a socketpair
//	unix serve NAME             sends back what comes
//	unix client NAME SECONDS    with a server
package main
