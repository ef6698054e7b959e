package dissecttest

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/node/nodetest"
	"motile/qemu/bridge/pcapng"
)

// recorder writes what a world sends into a capture.
type recorder struct {
	t    testing.TB
	out  *pcapng.Writer
	w    *nodetest.World
	last []byte
}

func start(t testing.TB, w *nodetest.World, path string) *recorder {
	out, err := pcapng.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{t: t, out: out, w: w}
	w.Watch = func(from int, frame []byte) {
		name := "host1"
		if from > 0 {
			name = fmt.Sprintf("n%d", from)
		}
		r.last = frame
		r.write(name, frame)
	}
	return r
}

func (r *recorder) write(name string, frame []byte) {
	if err := r.out.Write(name, time.Unix(1_800_000_000, r.w.Now), frame); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) close() {
	r.w.Watch = nil
	if err := r.out.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// Offsets in the memory of programs.
const (
	headerAt, dataAt, lineAt, sleepAt = 4096, 8192, 100_000, 100_100

	longRequest = 20_000 // bytes, more than a frame takes
	questions   = 24     // of the client
)

var servicePort = capability.Port{0x5e, 0x27}

func putHeader(u *nodetest.User, h std.Header) uint64 {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	return u.Put(headerAt, b[:])
}

// pause is how long a program sleeps, as nanosleep wants it.
func pause(ns uint64) []byte { return binary.LittleEndian.AppendUint64(make([]byte, 8), ns) }
