// Package log is a replicated log: each replica is a process, all replicas are one
// ordered group, and a line that was appended at any of them is in all, at the same
// place. Replicas may move, the sequencer too, and crash, as many as the group's
// resilience says.
//
// An entry is named by its writer and the writer's number for it, and is in the log
// once: so an append whose outcome is unknown may be repeated, at any replica.
//
// state.go is the log itself, without messages; replica.go the replica around it.
package log
