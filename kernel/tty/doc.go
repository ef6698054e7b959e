// Package tty is the line discipline of a terminal (termios(3)): editing,
// echo, signals from keys, output processing. It is pure: bytes go in at both
// ends, and what must happen comes out as data. The kernel runs it for a node's
// serial port; the host runs it for terminals that processes of any node use.
package tty
