// Command diary writes numbered lines to a file and says which are on stable storage, for
// tests of what survives.
//
//	diary write FILE       line after line, each followed by fsync, until it is killed
//	diary wsync FILE       the same, by writes with O_SYNC
//	diary read FILE        reads what another writes, as it comes
//	diary check FILE       reads it to the end, and says what the last line is
//
// It says "acknowledged N" or "read N". A line that may have been written, when the server
// was away, is written again: so lines may be there twice, and none is missing.
package main
