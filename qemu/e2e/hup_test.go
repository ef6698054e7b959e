package e2e

import (
	"os"
	"os/signal"
	"syscall"
)

// Programs that the tests run on the host are held against those on a node, and begin with
// no signal ignored, as these do, even if the tests themselves run under nohup(1).
func init() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}
