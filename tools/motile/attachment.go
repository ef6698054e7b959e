package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// remote is a terminal, or a serial line, that ours is wired to.
type remote interface {
	Next() ([]byte, error) // waits for what is to be shown
	Type(p []byte) error
	Resize(rows, cols uint16) error
}

// attachment is our terminal wired to another.
type attachment struct {
	t      terminal
	remote remote
	title  string // what it is, for people
	last   int    // the highest number of a node

	// foreground is the process group in the foreground; nil where there are no jobs.
	foreground func(ctx context.Context) (int32, error)
	// network is how the others are reached, and what gives it back.
	network func(ctx context.Context) (*network, func(), error)
}

// errLeft ends an attachment as the user wished.
var errLeft = errors.New("left")

// run wires both until the remote ends, which is the error, or the user leaves.
// Whatever happens, our terminal is then as it was.
func (a *attachment) run(ctx context.Context) error {
	fd := int(a.t.in.Fd())
	if term.IsTerminal(fd) {
		old, err := term.MakeRaw(fd)
		if err != nil {
			return err
		}
		defer term.Restore(fd, old)
		a.say("%s; ^] q leaves, ^] ? helps", a.title)
		stop := a.followSize(fd)
		defer stop()
	}
	// The goroutines that read cannot be interrupted; they end with the program.
	end := make(chan error, 2)
	go func() { end <- a.show() }()
	go func() { end <- a.typeOn(ctx) }()
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// say tells the user something, in a terminal that is raw.
func (a *attachment) say(format string, args ...any) {
	fmt.Fprintf(a.t.err, "\r\nmotile: "+format+"\r\n", args...)
}

// show copies what the remote shows.
func (a *attachment) show() error {
	for {
		p, err := a.remote.Next()
		if err != nil {
			return err
		}
		if _, err := a.t.out.Write(p); err != nil {
			return err
		}
	}
}

// followSize tells the remote the size of our window, now and when it changes.
func (a *attachment) followSize(fd int) (stop func()) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	changed <- syscall.SIGWINCH
	go func() {
		for range changed {
			if cols, rows, err := term.GetSize(fd); err == nil {
				_ = a.remote.Resize(uint16(rows), uint16(cols)) // show notices if it is gone
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		close(changed)
	}
}

// typed is what one read of the keyboard gave.
type typed struct {
	keys []byte
	err  error
}

// keyboard reads what is typed.
func (a *attachment) keyboard() <-chan typed {
	in := make(chan typed)
	go func() {
		for {
			buf := make([]byte, 1024)
			n, err := a.t.in.Read(buf)
			in <- typed{buf[:n], err}
			if err != nil {
				return
			}
		}
	}()
	return in
}

// typeOn sends what is typed, and obeys what is for us, until that ends or the
// user leaves.
func (a *attachment) typeOn(ctx context.Context) error {
	esc := escape{last: a.last}
	in := a.keyboard()
	for {
		select {
		case k := <-in:
			for rest := k.keys; len(rest) > 0; {
				send, cmd, more := esc.feed(rest)
				if len(send) > 0 {
					if err := a.remote.Type(send); err != nil {
						return err
					}
				}
				if cmd.key == keyLeave {
					return errLeft
				}
				a.obey(ctx, cmd)
				rest = more
			}
			if errors.Is(k.err, io.EOF) {
				return errLeft
			}
			if k.err != nil {
				return k.err
			}
		case <-esc.expires():
			a.obey(ctx, esc.expire())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
