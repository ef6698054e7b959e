package bullet

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/bullet/client"
)

// Remote is the disk that a node's kernel serves, asked by messages.
type Remote struct {
	trans  client.Trans
	cap    capability.Capability
	blocks uint64
	blank  bool
	claim  uint32
}

// OpenRemote asks a disk for its size, and claims it: nobody else writes it from then on.
func OpenRemote(trans client.Trans, disk capability.Capability) (*Remote, error) {
	r := &Remote{trans: trans, cap: disk}
	h := std.Header{Command: std.DiskSize}
	if _, err := r.ask(&h, nil, nil); err != nil {
		return nil, err
	}
	r.blocks, r.blank = h.Offset, h.Extra == 1
	h = std.Header{Command: std.DiskClaim}
	_, err := r.ask(&h, nil, nil)
	r.claim = h.Extra
	return r, err
}

// Blocks implements Disk.
func (r *Remote) Blocks() uint64 { return r.blocks }

// Blank implements Blank.
func (r *Remote) Blank() bool { return r.blank }

// Read implements Disk.
func (r *Remote) Read(block uint64, p []byte) error {
	return r.pieces(block, p, func(block uint64, p []byte) error {
		h := std.Header{Command: std.DiskRead, Offset: block, Size: uint32(len(p) / blockSize)}
		n, err := r.ask(&h, nil, p)
		if err == nil && n != len(p) {
			err = errShort
		}
		return err
	})
}

var errShort = errors.New("the disk gave less than was asked for")

// Write implements Disk.
func (r *Remote) Write(block uint64, p []byte) error {
	return r.pieces(block, p, func(block uint64, p []byte) error {
		_, err := r.ask(&std.Header{Command: std.DiskWrite, Offset: block, Size: uint32(len(p) / blockSize), Extra: r.claim}, p, nil)
		return err
	})
}

// Sync implements Disk.
func (r *Remote) Sync() error {
	_, err := r.ask(&std.Header{Command: std.DiskSync, Extra: r.claim}, nil, nil)
	return err
}

// pieces does something to blocks in requests that a disk takes, at one time.
func (r *Remote) pieces(block uint64, p []byte, do func(block uint64, p []byte) error) error {
	if len(p) <= std.DiskMost*blockSize {
		return do(block, p)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for len(p) > 0 {
		piece := p[:min(len(p), std.DiskMost*blockSize)]
		at := block
		all.Go(func() {
			if err := do(at, piece); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
		p, block = p[len(piece):], block+uint64(len(piece)/blockSize)
	}
	all.Wait()
	return errors.Join(errs...)
}

// A disk that has too many requests says NOTNOW.
const (
	busyPause = 2 * time.Millisecond
	busyTries = 5000
)

func (r *Remote) ask(h *std.Header, request, reply []byte) (int, error) {
	q := *h
	for try := 0; ; try++ {
		*h = q
		h.SetCapability(r.cap)
		n, err := r.trans(h, request, reply)
		if err == nil && h.Status() != std.OK {
			err = h.Status()
		}
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, std.NotNow) && try < busyTries, errors.Is(err, std.NoMem) && try < busyTries:
			time.Sleep(busyPause)
			continue
		}
		return 0, fmt.Errorf("disk: %s: %w", diskCommands[q.Command-std.DiskFirst], err)
	}
}

var diskCommands = [...]string{"info", "read", "write", "size", "sync", "claim"}
