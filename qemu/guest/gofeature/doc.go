// Command gofeature is the programs of those features for which Go's runtime, or
// servers/lib, is the point. They are one binary, as those in C are.
//
//	gofeature NAME [WORDS]
//
// It prints "ready", does its thing until a line of input comes, and prints "pass" or
// "FAIL: " and why.
package main
