// Package run is the run server: it says on which node a program is best started, as
// Amoeba's does (run(8)), and keeps the servers of its node running, as Amoeba's boot
// server does.
//
// Every node has one, and all answer at one port: whoever asks gets the nearest. What
// each knows of the nodes it asks them itself, so nothing is replicated, and the loss of
// any costs nothing but its node's servers.
package run
