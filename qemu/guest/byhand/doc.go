// Command byhand builds a process out of machine code on another node, as segments and a
// descriptor, and then looks into it with a debugger:
//
//	byhand NODE
//
// The process writes a line ten times a second. Byhand stuns it, reads the line from its
// memory, writes another, lets it go on, waits for its end and prints what it has
// said. See servers/byhand.
package main
