package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"motile/qemu/cluster"
)

type consoleCmd struct {
	Node   int  `arg:"" help:"Number of the node."`
	Serial bool `help:"The node's serial line instead: what its kernel prints."`
	Lines  int  `help:"How much of what was there before to show." default:"200" placeholder:"N"`
}

// Run attaches to a node's terminal: a shell that goes on when we leave, whatever
// node it is on by then. Any number of people may be at one terminal.
func (cmd *consoleCmd) Run(ctx context.Context, c *common, t terminal) error {
	if cmd.Serial {
		return cmd.serial(ctx, c, t)
	}
	err := c.console(ctx, t, cmd.Node, cmd.Lines)
	if errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// console is a session at a node's terminal. The error is errLeft if the user
// left, nil if the shell ended.
func (c *common) console(ctx context.Context, t terminal, node, lines int) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	s, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	o := cluster.TerminalOptions{Node: node, Lines: lines, Term: os.Getenv("TERM")}
	if cols, rows, err := term.GetSize(int(t.out.Fd())); err == nil {
		o.Rows, o.Cols = uint16(rows), uint16(cols)
	}
	r, err := cl.Terminal(ctx, o)
	if err != nil {
		return err
	}
	a := &attachment{t: t, remote: r, title: fmt.Sprintf("console of node %d", node), last: last(s.Nodes),
		foreground: func(ctx context.Context) (int32, error) { return c.foreground(ctx, node) },
		network: func(ctx context.Context) (*network, func(), error) {
			n, err := c.attach(ctx, t, false)
			if err != nil {
				return nil, nil, err
			}
			return n, n.close, nil
		}}
	err = a.run(ctx)
	var end *cluster.TerminalEnd
	if errors.As(err, &end) && !end.Lost {
		return nil
	}
	return err
}

// foreground asks the daemon who is in the foreground of a node's terminal.
func (c *common) foreground(ctx context.Context, node int) (int32, error) {
	cl, err := c.connect()
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	i, err := cl.TerminalInfo(ctx, node)
	if err == nil && i.Foreground == 0 {
		err = errors.New("nobody is in the foreground")
	}
	return i.Foreground, err
}

// last is the highest number of a node.
func last(nodes []cluster.NodeInfo) (n int) {
	for _, i := range nodes {
		n = max(n, i.Number)
	}
	return n
}

// serial wires the terminal to a node's serial line.
func (cmd *consoleCmd) serial(ctx context.Context, c *common, t terminal) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	line, err := cl.Console(ctx, cmd.Node, cmd.Lines)
	if err != nil {
		return err
	}
	a := &attachment{t: t, remote: serialLine{line}, title: fmt.Sprintf("serial console of node %d", cmd.Node)}
	if err := a.run(ctx); !errors.Is(err, errLeft) && ctx.Err() == nil {
		return err
	}
	return nil
}

// serialLine is a serial console as an attachment sees it.
type serialLine struct{ io.ReadWriter }

func (s serialLine) Next() ([]byte, error) {
	p := make([]byte, 32<<10)
	n, err := s.Read(p)
	if errors.Is(err, io.EOF) {
		err = cluster.ErrTerminalClosed
	}
	return p[:n], err
}

func (s serialLine) Type(p []byte) error {
	_, err := s.Write(p)
	return err
}

func (serialLine) Resize(rows, cols uint16) error { return nil }
