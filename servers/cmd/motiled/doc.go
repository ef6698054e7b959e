// Command motiled is the cluster's servers, in one program: motiled NAME [ARG...] is one of
// them. They are in packages servers/NAME, but for the mover, which is too small for one.
package main
