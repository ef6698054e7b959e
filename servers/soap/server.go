package soap

import (
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/servers/lib"
)

// Config describes a server.
type Config struct {
	Key api.Key
	Say func(msg string) // tells people what happens
}

// Server is a process that serves directories.
type Server struct {
	cfg  Config
	mu   sync.Mutex
	s    *State
	weak weakened
}

// serving is how many requests are answered at once. Most wait for nobody but the mutex.
const serving = 4

// NewServer makes a server with nothing but a root.
func NewServer(cfg Config) *Server {
	v := &Server{cfg: cfg}
	v.s = NewState(cfg.Key.ServicePort("soap", 0).Put(), cfg.Key.ServiceSecret("soap", 0))
	v.s.Refused(func(c capability.Capability, command uint32, st std.Status) {
		v.say("refused: command %d for directory %d: %v", command, c.Object, st)
	})
	return v
}

// Serve answers requests, for ever.
func (v *Server) Serve() error {
	end := make(chan error, serving)
	for range serving {
		go func() { end <- lib.Serve(v.cfg.Key.ServicePort("soap", 0), std.SoapMaxData, v.answer) }()
	}
	return <-end
}

func (v *Server) answer(h *std.Header, data []byte) []byte {
	if IsUpdate(h.Command) {
		v.mu.Lock()
		defer v.mu.Unlock()
		*h = v.s.Apply(newUpdate(h, data))
		return nil
	}
	v.mu.Lock()
	a := v.s.Read(h, data)
	v.mu.Unlock()
	a.Finish(v.weaken)
	*h = a.Header
	return a.Data
}

// newUpdate makes an update of a request.
func newUpdate(h *std.Header, data []byte) *Update {
	u := &Update{Header: *h, Data: data, Stamp: Stamp{NowMs: time.Now().UnixMilli(), Secret: capability.NewSecret(random)}}
	for u.Header.Offset == 0 {
		u.Header.Offset = random()
	}
	return u
}

func random() uint64 {
	var b [8]byte
	crand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

func (v *Server) say(format string, args ...any) {
	if v.cfg.Say != nil {
		v.cfg.Say(fmt.Sprintf(format, args...))
	}
}

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
