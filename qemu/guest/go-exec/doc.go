// Package goexec starts programs by os/exec: with input, output, a status, a deadline.
package goexec
