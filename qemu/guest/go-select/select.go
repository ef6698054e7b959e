// calls: futex epoll_pwait read write pipe2

package goselect

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"motile/qemu/guest/event"
)

// Name of the feature.
const Name = "go-select"

// Run does it.
func Run([]string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	idle, other, err := os.Pipe() // nothing comes, until its time is over
	if err != nil {
		return err
	}
	defer other.Close()
	values := make(chan uint64)
	failed := make(chan error, 1)
	go func() {
		defer close(values)
		for {
			var b [8]byte
			if _, err := io.ReadFull(r, b[:]); err != nil {
				if err != io.EOF {
					failed <- err
				}
				return
			}
			values <- binary.LittleEndian.Uint64(b[:])
		}
	}()
	event.Ready()
	for n := uint64(0); event.Working(); n++ {
		began := time.Now()
		select {
		case v := <-values:
			return fmt.Errorf("%d came before it was sent", v)
		case <-time.After(5 * time.Millisecond):
			if took := time.Since(began); took < 5*time.Millisecond {
				return fmt.Errorf("5 ms took %v", took)
			}
		}
		if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, n)); err != nil {
			return err
		}
		select {
		case v := <-values:
			if v != n {
				return fmt.Errorf("%d came, not %d", v, n)
			}
		case err := <-failed:
			return err
		case <-time.After(event.Late):
			return fmt.Errorf("%d does not come", n)
		}
		if err := idle.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
			return err
		}
		if _, err := idle.Read(make([]byte, 1)); !os.IsTimeout(err) {
			return fmt.Errorf("a read with a deadline: %v", err)
		}
	}
	w.Close()
	if v, ok := <-values; ok {
		return fmt.Errorf("%d came behind the end", v)
	}
	return nil
}
