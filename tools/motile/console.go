package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/term"
)

type consoleCmd struct {
	Node  int `arg:"" help:"Number of the node."`
	Lines int `help:"How much of what was there before to show." default:"24" placeholder:"N"`
}

// errDetached ends the session as the user wished.
var errDetached = errors.New("detached")

// Run wires the terminal to a node's console. Any number of terminals may be.
func (cmd *consoleCmd) Run(ctx context.Context, c *common, t terminal) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	console, err := cl.Console(ctx, cmd.Node, cmd.Lines)
	if err != nil {
		return err
	}
	if fd := int(t.in.Fd()); term.IsTerminal(fd) {
		fmt.Fprintf(t.err, "motile: console of node %d; ^] q detaches, ^] ? helps\n", cmd.Node)
		old, err := term.MakeRaw(fd)
		if err != nil {
			return err
		}
		defer fmt.Fprintln(t.err)
		defer term.Restore(fd, old)
	}
	err = session(ctx, console, t)
	if errors.Is(err, errDetached) {
		return nil
	}
	return err
}

// session copies in both directions until one of them ends. The goroutine that
// reads the terminal cannot be interrupted; it ends with the program.
func session(ctx context.Context, console io.ReadWriteCloser, t terminal) error {
	end := make(chan error, 2)
	go func() {
		_, err := io.Copy(t.out, console)
		if err == nil {
			err = errors.New("the cluster went down")
		}
		end <- err
	}()
	go func() { end <- typeOn(console, t) }()
	defer console.Close()
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return nil
	}
}

// typeOn sends what is typed until that ends or the user detaches.
func typeOn(console io.Writer, t terminal) error {
	var esc escape
	buf := make([]byte, 1024)
	for {
		n, err := t.in.Read(buf)
		for typed := buf[:n]; len(typed) > 0; {
			send, key, rest := esc.feed(typed)
			if _, err := console.Write(send); err != nil {
				return err
			}
			if key == keyDetach {
				return errDetached
			}
			obey(key, t)
			typed = rest
		}
		if errors.Is(err, io.EOF) {
			return errDetached
		}
		if err != nil {
			return err
		}
	}
}

// obey does what a key behind ^] asks for, except detaching.
func obey(key byte, t terminal) {
	switch {
	case key == 0:
	case key == keyHelp:
		fmt.Fprint(t.err, "\r\n"+escapeHelp)
	case key >= '1' && key <= '9':
		fmt.Fprintf(t.err, "\r\nmotile: moving the foreground job is not built yet\r\n")
	default:
		fmt.Fprintf(t.err, "\r\nmotile: ^] %q is no command; ^] ? shows them\r\n", key)
	}
}
