// calls: grp_create grp_send grp_receive grp_leave

package groupmember

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"runtime"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/qemu/guest/event"
	"motile/servers/lib"
)

// Name of the feature.
const Name = "group-member"

// Run does it.
func Run([]string) error {
	var port capability.Port
	if _, err := rand.Read(port[:]); err != nil {
		return err
	}
	// At most 4 members, a history of 16 messages of up to 1 KB.
	g, err := lib.GrpCreate(port, 0, 4, 4, 10)
	if err != nil {
		return err
	}
	failed, sent := make(chan error, 1), make(chan []byte, 64)
	go func() {
		runtime.LockOSThread()
		buf := make([]byte, 1024)
		for want := range sent {
			var h std.Header
			n, _, err := g.Receive(&h, buf)
			if err == nil && !bytes.Equal(buf[:n], want) {
				err = fmt.Errorf("%q came, not %q", buf[:n], want)
			}
			if err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	event.Ready()
	for n := 0; event.Working(); n++ {
		text := fmt.Appendf(nil, "message %d", n)
		h := std.Header{Command: std.PrivateFirst}
		if err := g.Send(&h, text); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
		select {
		case sent <- text:
		case err := <-failed:
			return err
		}
	}
	close(sent)
	if err := <-failed; err != nil {
		return err
	}
	return g.Leave()
}
