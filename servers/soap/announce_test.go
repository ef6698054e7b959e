package soap

import (
	"testing"
	"time"

	"motile/servers/soap/client"
)

// A server is entered soon, in the place of one that is gone.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	v, trans := alone(t)
	root := v.cfg.Key.ServiceCap("soap", 0)
	c := client.New(trans, root)
	if err := c.Enter("/server/old/1", client.Cap(object(1))); err != nil {
		t.Fatal(err)
	}
	names := []string{"old/1", "new", "old/2"}
	for i, name := range names {
		go client.Announce(trans, root, object(uint64(10+i)), name)
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		entered := 0
		for i, name := range names {
			if set, err := c.Lookup("/server/" + name); err == nil && client.First(set) == object(uint64(10+i)) {
				entered++
			}
		}
		if entered == len(names) {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%d are entered", entered)
		}
	}
}
