package cluster

import "time"

// SetDownTimeout shortens the patience with a daemon that hangs.
func SetDownTimeout(d time.Duration) (restore func()) {
	old := downTimeout
	downTimeout = d
	return func() { downTimeout = old }
}
