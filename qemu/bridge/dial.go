package bridge

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Conn is a host tool's attachment to a bridge. One goroutine may receive
// while others send.
type Conn struct {
	conn *net.UnixConn
	in   *splitter

	mu  sync.Mutex
	buf []byte // framed, being written
}

// Dial attaches to the bridge whose ListenHosts has the socket path.
func Dial(path string) (*Conn, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("bridge: attach: %w", err)
	}
	conn.SetWriteBuffer(socketBytes)
	return &Conn{conn: conn, in: newSplitter(conn)}, nil
}

// Send hands frames to the bridge in one write. It waits while the bridge is
// busy, but never for another port.
func (c *Conn) Send(frames ...[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf = c.buf[:0]
	for _, f := range frames {
		if len(f) < etherHeader || len(f) > MaxFrame {
			return fmt.Errorf("bridge: frame of %d bytes: send %d to %d", len(f), etherHeader, MaxFrame)
		}
		c.buf = appendFrame(c.buf, f)
	}
	_, err := c.conn.Write(c.buf)
	return err
}

// Recv returns the next frame. It is valid until the next call.
func (c *Conn) Recv() ([]byte, error) {
	for {
		frame, ok, err := c.in.next()
		if ok || err != nil {
			return frame, err
		}
		if err := c.in.fill(); err != nil {
			return nil, err
		}
	}
}

// Buffered reports whether Recv would return at once.
func (c *Conn) Buffered() bool {
	_, ok, err := c.in.peek()
	return ok || err != nil
}

// SetRecvDeadline makes Recv fail with os.ErrDeadlineExceeded after t. The
// zero time means never.
func (c *Conn) SetRecvDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// Close detaches.
func (c *Conn) Close() error { return c.conn.Close() }
