package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"motile/qemu/cluster"
)

// pty is a terminal for a command to run in: what is written to outside is
// typed, what is read from it is on the screen.
func pty(t *testing.T) (outside, inside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { outside.Close() })
	fd := int(outside.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	return outside, inside
}

func TestConsole_InATerminal(t *testing.T) {
	dir := upDir(t, "-n", "1")
	outside, inside := pty(t)
	status := make(chan int)
	go func() {
		status <- run(t.Context(), []string{"--dir", dir, "console", "--serial", "1"}, terminal{inside, inside, inside})
	}()
	var screen strings.Builder
	see := func(want string) {
		t.Helper()
		buf := make([]byte, 1024)
		outside.SetReadDeadline(time.Now().Add(20 * time.Second))
		for !strings.Contains(screen.String(), want) {
			n, err := outside.Read(buf)
			if err != nil {
				t.Fatalf("%v; waiting for %q; the screen shows %q", err, want, screen.String())
			}
			screen.Write(buf[:n])
		}
		screen.Reset()
	}
	see("motile: node 1 ready")
	io.WriteString(outside, "ab\x03") // ^C is the node's
	see("ab\x03")
	io.WriteString(outside, "\x1d?")
	see("^] N   send the foreground job")
	io.WriteString(outside, "\x1d\x1d")
	see("\x1d")
	io.WriteString(outside, "\x1d2")
	see("a serial console has no jobs")
	io.WriteString(outside, "\x1ds")
	see("a serial console has no jobs")
	io.WriteString(outside, "\x1dx")
	see("no command")
	io.WriteString(outside, "\x1dq")
	if s := <-status; s != 0 {
		t.Fatalf("status %d", s)
	}
	// The terminal is as it was: it echoes, and lines end in both characters.
	termios, err := unix.IoctlGetTermios(int(inside.Fd()), unix.TCGETS)
	if err != nil || termios.Lflag&unix.ECHO == 0 {
		t.Fatalf("%+v, %v", termios, err)
	}
}

func TestConsole_ClusterGoesDown(t *testing.T) {
	dir := upDir(t, "-n", "1")
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer w.Close()
	time.AfterFunc(200*time.Millisecond, func() { cluster.Down(context.Background(), cluster.Dir(dir)) })
	r := motileWith(t, t.Context(), in, "--dir", dir, "console", "--serial", "1")
	if r.status != exitFailure || !strings.Contains(r.out, "node 1 ready") || !strings.Contains(r.err, "went down") {
		t.Fatalf("%+v", r)
	}
}
