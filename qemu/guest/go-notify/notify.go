// calls: rt_sigaction sigaltstack tgkill kill

package gonotify

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"motile/qemu/guest/event"
)

// Name of the feature.
const Name = "go-notify"

// Run does it.
func Run([]string) error {
	got := make(chan os.Signal, 8)
	signal.Notify(got, syscall.SIGUSR1, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP)
	event.Ready()
	for round := 0; event.Working(); round++ {
		send := []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM}[round%2]
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
			return err
		}
		if err := syscall.Kill(syscall.Getpid(), send); err != nil {
			return err
		}
		select {
		case s := <-got:
			if s != send {
				return fmt.Errorf("%v came, not %v", s, send)
			}
		case <-time.After(event.Late):
			return fmt.Errorf("%v does not come", send)
		}
	}
	signal.Reset(syscall.SIGUSR1)
	select {
	case s := <-got:
		return fmt.Errorf("%v came, which nobody sent", s)
	default:
		return nil
	}
}
