// Package goroutines keeps a Go runtime busy: goroutines that pass values around,
// garbage, timers, preemption.
package goroutines
