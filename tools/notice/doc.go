// Command notice prints NOTICE: whose work is in what Motile builds, and under
// which licence. It asks go list, and reads the licences of the modules. A test
// compares what it prints with the file.
package main
