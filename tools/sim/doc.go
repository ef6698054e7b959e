// Command sim runs histories of the simulated cluster, one for each seed, and says which
// breaks an invariant. That one it makes as small as it can and writes down as a
// script, which go test ./ipc/sim/lab runs from then on when it is put into
// ipc/sim/lab/testdata.
package main
