package soap

import (
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/lib"
)

// weakened remembers what other servers have restricted.
type weakened struct {
	mu sync.Mutex
	of map[strong]capability.Capability
}

type strong struct {
	c    capability.Capability
	mask capability.Rights
}

const (
	maxWeakened    = 4096
	weakenPatience = 2 * time.Second
)

// weaken asks a capability's server to restrict it.
func (v *Server) weaken(c capability.Capability, mask capability.Rights) (capability.Capability, bool) {
	w, key := &v.weak, strong{c, mask}
	w.mu.Lock()
	weak, ok := w.of[key]
	w.mu.Unlock()
	if ok {
		return weak, true
	}
	h := std.Header{Command: std.Restrict, Offset: uint64(mask)}
	h.SetCapability(c)
	reply := make([]byte, capability.EncodedLen)
	n, err := lib.TransWithin(&h, nil, reply, weakenPatience)
	if err != nil || h.Status() != std.OK {
		return c, false
	}
	if weak, ok = capability.Decode(reply[:n]); !ok || weak.Rights&^mask != 0 {
		return c, false
	}
	w.mu.Lock()
	if w.of == nil || len(w.of) >= maxWeakened {
		w.of = make(map[strong]capability.Capability)
	}
	w.of[key] = weak
	w.mu.Unlock()
	return weak, true
}
