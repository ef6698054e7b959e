// Package profile makes of samples of a node's CPU a profile as go tool pprof reads it.
// The node says only addresses; names come from the kernel's file on this host.
package profile
