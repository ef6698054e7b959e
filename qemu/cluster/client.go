package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"

	"motile/qemu/bridge"
)

// Client talks to the daemon of a cluster that runs. It handles one request at
// a time.
type Client struct {
	conn     net.Conn
	in       *bufio.Reader
	progress func(string)
}

// NotRunningError says that no cluster runs in the folder.
type NotRunningError struct {
	Dir Dir
}

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("no cluster runs in %s: start one by “motile --dir %s up”", e.Dir, e.Dir)
}

// Connect reaches the daemon of the cluster in a folder.
func Connect(dir Dir) (*Client, error) {
	abs, err := dir.Absolute()
	if err != nil {
		return nil, err
	}
	socks, err := abs.findSockets()
	if err != nil {
		return nil, &NotRunningError{dir}
	}
	conn, err := net.Dial("unix", socks.control())
	if err != nil {
		return nil, &NotRunningError{dir}
	}
	return &Client{conn: conn, in: bufio.NewReader(conn)}, nil
}

// OnProgress has f told what happens while a request is worked on.
func (c *Client) OnProgress(f func(string)) { c.progress = f }

// Close ends the conversation. A request under way is given up.
func (c *Client) Close() error { return c.conn.Close() }

// call makes a request and decodes its result. If ctx ends first, the
// connection is closed, and with it the request.
func call[R any](ctx context.Context, c *Client, op string, args any) (R, error) {
	var result R
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	raw, err := json.Marshal(args)
	if err != nil {
		return result, err
	}
	line, err := json.Marshal(request{op, raw})
	if err != nil {
		return result, err
	}
	if _, err := c.conn.Write(append(line, '\n')); err != nil {
		return result, c.lost(ctx, op, err)
	}
	return readReply[R](ctx, c, op)
}

// readReply reads up to the final answer.
func readReply[R any](ctx context.Context, c *Client, op string) (R, error) {
	var result R
	for {
		line, err := c.in.ReadBytes('\n')
		if err != nil {
			return result, c.lost(ctx, op, err)
		}
		var r reply
		if err := json.Unmarshal(line, &r); err != nil {
			return result, fmt.Errorf("%s: the daemon answered %.60q: %w", op, line, err)
		}
		switch {
		case r.Error != "":
			return result, errors.New(r.Error)
		case r.Result != nil:
			return result, json.Unmarshal(r.Result, &result)
		case c.progress != nil:
			c.progress(r.Progress)
		}
	}
}

// lost explains the end of the connection before that of a request.
func (c *Client) lost(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s: the cluster went down before it answered (%w)", op, err)
}

// Status returns the cluster's facts.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, opStatus, none{})
}

// Add boots further nodes and waits until they answer.
func (c *Client) Add(ctx context.Context, specs []NodeSpec) ([]NodeInfo, error) {
	return call[[]NodeInfo](ctx, c, opAdd, addArgs{specs})
}

// Kill cuts a node's power.
func (c *Client) Kill(ctx context.Context, node int) (NodeInfo, error) {
	return call[NodeInfo](ctx, c, opKill, nodeArgs{node})
}

// Restart boots a node again, after cutting its power if it runs, and waits
// until it answers.
func (c *Client) Restart(ctx context.Context, node int) (NodeInfo, error) {
	return call[NodeInfo](ctx, c, opRestart, nodeArgs{node})
}

// SetFaults changes what networks do to frames, and returns all that those now do.
func (c *Client) SetFaults(ctx context.Context, change FaultChange) ([]NetFaults, error) {
	return call[[]NetFaults](ctx, c, opFaults, change)
}

// StartCapture has all networks recorded into a file, given by an absolute path.
func (c *Client) StartCapture(ctx context.Context, file string) error {
	_, err := call[none](ctx, c, opCaptureStart, captureArgs{file})
	return err
}

// StopCapture ends the recording; the file is complete.
func (c *Client) StopCapture(ctx context.Context) (bridge.CaptureStats, error) {
	return call[bridge.CaptureStats](ctx, c, opCaptureStop, none{})
}

// Terminal attaches this connection to a node's terminal, starting a shell on the
// node if there is none. The client serves no other purpose from then on.
func (c *Client) Terminal(ctx context.Context, o TerminalOptions) (*Terminal, error) {
	if _, err := call[none](ctx, c, opTerminal, o); err != nil {
		return nil, err
	}
	return &Terminal{conn: c.conn, in: c.in}, nil
}

// TerminalInfo tells what a node's terminal is doing.
func (c *Client) TerminalInfo(ctx context.Context, node int) (TerminalInfo, error) {
	return call[TerminalInfo](ctx, c, opTerminalInfo, nodeArgs{node})
}

// Console makes this connection a node's serial console, beginning with the last
// lines of its past. The client serves no other purpose from then on.
func (c *Client) Console(ctx context.Context, node, lines int) (io.ReadWriteCloser, error) {
	if _, err := call[none](ctx, c, opConsole, consoleArgs{node, lines}); err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.WriteCloser
	}{c.in, c.conn}, nil
}

// down asks for the cluster's end and waits for it.
func (c *Client) down(ctx context.Context) error {
	_, err := call[none](ctx, c, opDown, none{})
	return err
}
