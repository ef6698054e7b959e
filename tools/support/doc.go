// Command support writes SUPPORT.md: which calls of Linux there are, what those lack
// that are not whole, and which of them processes are moved in. Nothing in it is
// written by hand: the calls are those of kernel/linux, their names those of
// golang.org/x/sys, and what moves is what tests have written down
// (qemu/e2e/testdata).
package main
