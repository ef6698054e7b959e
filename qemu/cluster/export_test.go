package cluster

import "time"

// SetDownTimeout shortens the patience with a daemon that hangs.
func SetDownTimeout(d time.Duration) (restore func()) {
	old := downTimeout
	downTimeout = d
	return func() { downTimeout = old }
}

// Take takes the lock of a folder; release gives it up.
func Take(d Dir) (release func(), err error) {
	l, err := d.take()
	if err != nil {
		return nil, err
	}
	return l.release, nil
}
