// Command worker is what the experiments move, and what watches it. Times are in
// nanoseconds, of the monotonic clock, which goes on over moves.
//
//	worker hold [-size KB] [-dirty N] [-touch PERCENT] [-beat MS] [-port GET] [-seed N]
//
// has a working set of random pages, of which it writes one word of N pages a second, at a steady
// pace. It prints "ready", then "beat NODE TIME" every MS milliseconds. At SIGUSR1 it reads
// PERCENT of the pages, spread evenly, and prints "touched TIME", how long that took.
// With -port it serves empty requests, too.
//
//	worker poll -port PUT [-every US] [-most N]
//
// sends an empty request every so many microseconds. SIGUSR1 begins the next phase; at
// SIGTERM it prints "PHASE BEGIN END" for each request, and "failed N" if any failed.
//
//	worker exec N COMMAND...
//
// runs a command N times, one after the other, and prints how long each took from fork to exit.
//
//	worker remote N NODE COMMAND...
//
// has the process server of a node do the same.
package main
