// Command counter prints a line every 100 ms: a counter, the monotonic and the
// wall clock. Beside it goroutines compute and make garbage, so that the
// runtime's threads, timers, signals and collector are all at work.
//
//	counter [N [MS]]    stop after N lines (0: never), MS apart
package main
