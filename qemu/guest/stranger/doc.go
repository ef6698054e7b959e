// Command stranger makes the system calls whose numbers it is given, says what came
// of each, and stays. It is a program that wants more than the kernel has.
package main
