package bridge

import (
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// outbox is what waits to be written to one connection. Frames lie in it as
// they go on the wire, one behind the other, so that any number of them is one
// write and putting one is one copy.
//
// Whoever has put frames calls flush, which writes at once if the connection
// takes it: on an idle port no goroutine has to wake. What the connection does
// not take is left to the writer goroutine, run.
type outbox struct {
	conn  *net.UnixConn
	raw   syscall.RawConn
	limit int // bytes of pending

	wake chan struct{} // one slot: batch has become run's
	done chan struct{} // closed when the link goes down

	mu      sync.Mutex
	pending []byte // framed, not yet being written
	spare   []byte // the buffer that pending will be next
	busy    bool   // batch is being written, by flush or by run
	batch   []byte // owned by the writer that set busy
	written int    // of batch, by flush, before it handed over to run
}

func newOutbox(conn *net.UnixConn, limit int) (*outbox, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &outbox{conn: conn, raw: raw, limit: limit, wake: make(chan struct{}, 1), done: make(chan struct{})}, nil
}

// put queues a frame, which the caller keeps. It reports false when the queue
// has no room.
func (o *outbox) put(frame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending)+HeaderBytes+len(frame) > o.limit {
		return false
	}
	o.pending = appendFrame(o.pending, frame)
	return true
}

func (o *outbox) queuedBytes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending)
}

// flush writes what is pending, as far as the connection takes it without
// waiting.
func (o *outbox) flush() {
	o.mu.Lock()
	if o.busy || len(o.pending) == 0 {
		o.mu.Unlock()
		return
	}
	o.take()
	o.mu.Unlock()

	n := o.writeNow(o.batch)

	o.mu.Lock()
	defer o.mu.Unlock()
	if n == len(o.batch) && len(o.pending) == 0 {
		o.release()
		return
	}
	o.written = n
	select {
	case o.wake <- struct{}{}:
	default: // cannot be: busy admits one hand-over at a time
	}
}

// take makes the pending frames the batch being written. Called with mu held.
func (o *outbox) take() {
	o.busy = true
	o.batch, o.pending, o.spare, o.written = o.pending, o.spare, nil, 0
}

// release ends the writing of a batch. Called with mu held.
func (o *outbox) release() {
	o.spare, o.batch, o.busy = o.batch[:0], nil, false
}

// writeNow makes one attempt that does not wait. An error counts as nothing
// written: run meets it again, and reports it.
func (o *outbox) writeNow(b []byte) (n int) {
	err := o.raw.Write(func(fd uintptr) bool {
		for {
			var err error
			n, err = unix.Write(int(fd), b)
			if err != unix.EINTR {
				return true
			}
		}
	})
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// run writes what flush handed over, and whatever has come since, until close
// is called or a write fails.
func (o *outbox) run() error {
	for {
		select {
		case <-o.wake:
		case <-o.done:
			return nil
		}
		for more := true; more; {
			if _, err := o.conn.Write(o.batch[o.written:]); err != nil {
				return err
			}
			o.mu.Lock()
			o.release()
			if more = len(o.pending) > 0; more {
				o.take()
			}
			o.mu.Unlock()
		}
	}
}

// close ends run. Preconditions: called once.
func (o *outbox) close() {
	close(o.done)
	o.conn.Close()
}
