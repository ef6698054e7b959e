// Motiled is the cluster's servers, in one program: motiled NAME [ARG...] is one of them.
package main
