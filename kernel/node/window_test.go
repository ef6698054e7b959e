package node

import (
	"testing"

	"motile/ipc/flip"
)

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		mtus []int
		want int
	}{
		{[]int{1500}, 256 << 10}, // 174 of a ring's 256 frames
		{[]int{4000}, 128 * 4000},
		{[]int{9000}, 1 << 20},
		{[]int{65535}, 1 << 20},
		{[]int{9000, 1500}, 256 << 10}, // the ring of each has to hold it
	} {
		var links []flip.Link
		for _, mtu := range c.mtus {
			links = append(links, flip.Link{MTU: mtu})
		}
		if got := window(links); got != c.want {
			t.Errorf("MTUs %v: %d bytes, want %d", c.mtus, got, c.want)
		}
	}
}
