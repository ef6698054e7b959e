package virtio

import "testing"

func TestBuffers(t *testing.T) {
	const mega = 1 << 20
	stride := func(mtu int) int { return alignUp(netHeader+14+mtu, 64) }
	for _, c := range []struct{ mtu, total, max, want int }{
		{1500, 95 * mega, 1024, 256},
		{9000, 95 * mega, 1024, 256},
		{65535, 95 * mega, 1024, 32},
		{9000, 17 * mega, 1024, 32}, // a small node
		{65535, 17 * mega, 1024, 16},
		{65535, 1024 * mega, 1024, 32}, // a large one
		{1500, 95 * mega, 64, 64},      // a small device
		{1500, 95 * mega, 8, 8},
	} {
		if got := buffers(stride(c.mtu), c.total, c.max); got != c.want {
			t.Errorf("MTU %d, %d MB, at most %d: %d buffers, want %d", c.mtu, c.total/mega, c.max, got, c.want)
		}
	}
}
