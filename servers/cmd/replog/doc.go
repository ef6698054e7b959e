// Command replog is the replicated log (package servers/log) and its clients:
//
//	replog serve NAME REPLICA found|join [RESILIENCE]   be a replica
//	replog write NAME LINES PAUSE                       append numbered lines
//	replog append NAME TEXT...                          append one line
//	replog read NAME [REPLICA]                          print the log
//	replog info NAME REPLICA                            a line about a replica
package main
