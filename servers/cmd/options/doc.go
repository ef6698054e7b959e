// Package options reads the command lines of programs that must start fast: short
// options that can be joined, long ones, and arguments between them. A negative
// number is an argument.
package options
