// Package goselect has goroutines select among channels, timers and readers of pipes,
// which the runtime's poller waits for.
package goselect
