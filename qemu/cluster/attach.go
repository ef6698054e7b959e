package cluster

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"motile/tools/flipnode/hostio"
)

// What goes to and fro once a connection is attached to a terminal: frames of a
// kind (1 byte), a length (4 bytes, big-endian) and so many bytes.
const (
	frameKeys   = 'k' // to the daemon: typed
	frameResize = 'w' // to the daemon: rows and columns, 2 bytes each
	frameOutput = 'o' // from the daemon: shown
	frameEnd    = 'e' // from the daemon: TerminalEnd as JSON, and nothing after it
)

const maxFrame = 64 << 10

// outputBuffer is how much a connection holds of what is to be shown. All of it
// still appears after ^C, so it is small.
const outputBuffer = 16 << 10

type windowSize struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

func writeFrame(w io.Writer, kind byte, p []byte) error {
	b := make([]byte, 5, 5+len(p))
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], uint32(len(p)))
	_, err := w.Write(append(b, p...))
	return err
}

func readFrame(r io.Reader) (kind byte, p []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	p = make([]byte, n)
	_, err = io.ReadFull(r, p)
	return head[0], p, err
}

// terminal attaches the connection to a node's terminal until either side ends it.
func (c *session) terminal(args json.RawMessage) {
	var a TerminalOptions
	err := json.Unmarshal(args, &a)
	if err == nil {
		_, err = c.cluster.find(a.Node)
	}
	if err == nil && c.cluster.host == nil {
		err = errors.New("the nodes have no boot archive, and so neither key nor shell: look at the console with --serial")
	}
	if err != nil {
		c.answer(nil, err)
		return
	}
	t := c.cluster.host.terminalOf(a.Node)
	tty, sh, err := t.open(a.windowSize, a.Term)
	if !c.answer(none{}, err) || err != nil {
		return
	}
	if conn, ok := c.conn.(*net.UnixConn); ok {
		conn.SetWriteBuffer(outputBuffer)
	}
	ctx, leave := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		defer leave()
		c.typeOn(tty)
	})
	work.Go(func() {
		defer leave()
		select {
		case <-sh.over:
		case <-ctx.Done():
		}
	})
	view := t.screen.View(a.Lines)
	c.show(ctx, view)
	view.Close()
	if sh.ended() {
		if text, err := json.Marshal(sh.end); err == nil {
			writeFrame(c.conn, frameEnd, text)
		}
	}
	c.conn.Close()
	work.Wait()
}

// typeOn gives a terminal what the client types, until it goes.
func (c *session) typeOn(tty *hostio.Terminal) {
	for {
		kind, p, err := readFrame(c.in)
		switch {
		case err != nil:
			return
		case kind == frameKeys:
			tty.Type(p)
		case kind == frameResize && len(p) == 4:
			tty.Resize(binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:]))
		}
	}
}

// show sends the client what is on the screen. Once ctx has ended it sends what is
// left.
func (c *session) show(ctx context.Context, view *hostio.View) {
	for {
		p, err := view.Next(ctx)
		if err != nil {
			return
		}
		for len(p) > 0 {
			n := min(len(p), maxFrame)
			if writeFrame(c.conn, frameOutput, p[:n]) != nil {
				return
			}
			p = p[n:]
		}
	}
}

// Terminal is a client's attachment to the terminal of a node.
type Terminal struct {
	conn net.Conn
	in   io.Reader
	mu   sync.Mutex // frames are written whole
}

// ErrTerminalClosed says that a terminal is gone, and the cluster with it.
var ErrTerminalClosed = errors.New("the cluster went down")

// Error makes a TerminalEnd the error that ends Next.
func (e *TerminalEnd) Error() string { return fmt.Sprintf("shell %d: %s", e.PID, e.Text) }

// Next waits until something is shown, and returns it. The error is a *TerminalEnd
// when the shell has ended.
func (t *Terminal) Next() ([]byte, error) {
	kind, p, err := readFrame(t.in)
	if err != nil {
		return nil, ErrTerminalClosed
	}
	if kind != frameEnd {
		return p, nil
	}
	end := new(TerminalEnd)
	if err := json.Unmarshal(p, end); err != nil {
		return nil, err
	}
	return nil, end
}

// Type types.
func (t *Terminal) Type(p []byte) error {
	for len(p) > maxFrame {
		if err := t.write(frameKeys, p[:maxFrame]); err != nil {
			return err
		}
		p = p[maxFrame:]
	}
	return t.write(frameKeys, p)
}

// Resize tells the size of the window.
func (t *Terminal) Resize(rows, cols uint16) error {
	return t.write(frameResize, binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, rows), cols))
}

func (t *Terminal) write(kind byte, p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return writeFrame(t.conn, kind, p)
}

// Close detaches. The shell goes on.
func (t *Terminal) Close() error { return t.conn.Close() }
