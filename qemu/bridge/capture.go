package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"motile/qemu/bridge/pcapng"
)

// ErrNoCapture is StopCapture's when none is running.
var ErrNoCapture = errors.New("bridge: no capture is running")

const (
	captureBytes  = 16 << 20 // what may wait for the disk
	captureHeader = 16       // time 8, interface 4, length 4
	droppedName   = "dropped"
)

// capture records what enters a bridge, on one interface a port, and what
// its faults keep from arriving, on the interface "dropped". Several bridges may
// share one: the interfaces of each then bear its name, as in "a/n1". A goroutine
// of its own writes, so that a slow disk costs recorded frames (counted) and not
// the bridge's speed.
type capture struct {
	out    *pcapng.Writer
	shared bool          // by several bridges
	wake   chan struct{} // one slot: there is something pending, or stop is set
	done   chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	pending []byte   // headers and frames
	spare   []byte   // the buffer that pending will be next
	sources []source // of frames, by index: what the interfaces are
	names   []string // of interfaces, likewise; only ever appended to
	stop    bool
	count   CaptureStats
}

// source is where a frame was recorded.
type source struct{ bridge, port string }

// StartCapture records into a new file from now on.
func (b *Bridge) StartCapture(path string) error { return StartCapture(path, b) }

// StartCapture records what several bridges carry into one new file.
func StartCapture(path string, bridges ...*Bridge) error {
	for _, b := range bridges {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.closed {
			return errors.New("bridge: closed")
		}
		if c := b.capture.Load(); c != nil {
			return fmt.Errorf("bridge: already recording into %s: stop that capture first", c.stats().File)
		}
	}
	out, err := pcapng.Create(path)
	if err != nil {
		return fmt.Errorf("bridge: capture: %w", err)
	}
	c := &capture{
		out:    out,
		shared: len(bridges) > 1,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		count:  CaptureStats{File: path, Started: time.Now()},
	}
	go c.run()
	for _, b := range bridges {
		b.capture.Store(c)
	}
	return nil
}

// StopCapture ends the bridge's capture, for all that share it. When it returns,
// the file is complete.
func (b *Bridge) StopCapture() (CaptureStats, error) { return StopCapture(b) }

// StopCapture ends the capture that bridges share.
func StopCapture(bridges ...*Bridge) (CaptureStats, error) {
	var c *capture
	for _, b := range bridges {
		if mine := b.capture.Swap(nil); mine != nil {
			c = mine
		}
	}
	if c == nil {
		return CaptureStats{}, ErrNoCapture
	}
	c.mu.Lock()
	c.stop = true
	c.mu.Unlock()
	c.poke()
	<-c.done
	s := c.stats()
	if s.Error != "" {
		return s, fmt.Errorf("bridge: capture into %s is incomplete: %s", s.File, s.Error)
	}
	return s, nil
}

func (b *Bridge) record(name string, frame []byte) {
	if c := b.capture.Load(); c != nil {
		c.put(source{b.opt.Name, name}, frame)
	}
}

func (b *Bridge) recordDropped(frame []byte) { b.record(droppedName, frame) }

func (c *capture) put(from source, frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop || c.count.Error != "" || len(c.pending)+captureHeader+len(frame) > captureBytes {
		c.count.Missed++
		return
	}
	i := slices.Index(c.sources, from)
	if i < 0 {
		i = len(c.sources)
		c.sources = append(c.sources, from)
		c.names = append(c.names, c.label(from))
	}
	c.pending = binary.NativeEndian.AppendUint64(c.pending, uint64(time.Now().UnixNano()))
	c.pending = binary.NativeEndian.AppendUint32(c.pending, uint32(i))
	c.pending = binary.NativeEndian.AppendUint32(c.pending, uint32(len(frame)))
	c.pending = append(c.pending, frame...)
	c.count.Frames++
	c.count.Bytes += uint64(len(frame))
	c.poke()
}

// label is what an interface is called.
func (c *capture) label(from source) string {
	if c.shared {
		return from.bridge + "/" + from.port
	}
	return from.port
}

func (c *capture) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *capture) stats() CaptureStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// run writes what is pending until it is told to stop. What was put before
// that is written.
func (c *capture) run() {
	defer close(c.done)
	for stop := false; !stop; {
		<-c.wake
		c.mu.Lock()
		batch, names := c.pending, c.names
		c.pending, c.spare, stop = c.spare, nil, c.stop
		c.mu.Unlock()

		err := c.write(batch, names)
		if stop {
			err = errors.Join(err, c.out.Close())
		}

		c.mu.Lock()
		c.spare = batch[:0]
		if err != nil && c.count.Error == "" {
			c.count.Error = err.Error()
		}
		c.mu.Unlock()
	}
}

// write puts a batch into the file and brings it to where other programs see it.
func (c *capture) write(batch []byte, names []string) error {
	for len(batch) > 0 {
		at := time.Unix(0, int64(binary.NativeEndian.Uint64(batch)))
		name := names[binary.NativeEndian.Uint32(batch[8:])]
		n := captureHeader + int(binary.NativeEndian.Uint32(batch[12:]))
		if err := c.out.Write(name, at, batch[captureHeader:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return c.out.Flush()
}
