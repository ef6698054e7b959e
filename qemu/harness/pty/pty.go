package pty

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Person looks at one end of a pseudo-terminal and types on it. What goes wrong
// fails the test.
type Person struct {
	Inside *os.File // for the program: its input, output and errors

	t       testing.TB
	outside *os.File

	mu    sync.Mutex
	shown []byte // all that ever was
	seen  int    // what See has matched so far
	news  chan struct{}
}

// patience is how long See waits.
const patience = 60 * time.Second

// New opens a pseudo-terminal of 24 lines by 80 columns.
func New(t testing.TB) *Person {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal("there are no pseudo-terminals here:", err)
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
	inside, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	p := &Person{Inside: inside, t: t, outside: outside, news: make(chan struct{}, 1)}
	p.Resize(24, 80)
	go p.look()
	return p
}

// Start starts a program in the terminal, which becomes its controlling terminal.
func (p *Person) Start(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Inside, p.Inside, p.Inside
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return cmd.Start()
}

// look takes in what is shown, until the terminal is gone.
func (p *Person) look() {
	buf := make([]byte, 32<<10)
	for {
		n, err := p.outside.Read(buf)
		p.mu.Lock()
		p.shown = append(p.shown, buf[:n]...)
		p.mu.Unlock()
		select {
		case p.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// Resize changes the size of the window.
func (p *Person) Resize(rows, cols uint16) {
	p.t.Helper()
	if err := unix.IoctlSetWinsize(int(p.outside.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		p.t.Fatal(err)
	}
}

// Type types.
func (p *Person) Type(format string, args ...any) {
	p.t.Helper()
	if _, err := io.WriteString(p.outside, fmt.Sprintf(format, args...)); err != nil {
		p.t.Fatal(err)
	}
}

// See waits until the screen shows something, behind what the last See found, and
// returns it with the expression's groups.
func (p *Person) See(expression string) []string {
	p.t.Helper()
	re := regexp.MustCompile(expression)
	late := time.After(patience)
	for {
		p.mu.Lock()
		found := re.FindSubmatchIndex(p.shown[p.seen:])
		if found != nil {
			groups := make([]string, len(found)/2)
			for i := range groups {
				if found[2*i] >= 0 {
					groups[i] = string(p.shown[p.seen+found[2*i] : p.seen+found[2*i+1]])
				}
			}
			p.seen += found[1]
			p.mu.Unlock()
			return groups
		}
		p.mu.Unlock()
		select {
		case <-p.news:
		case <-late:
			p.t.Fatalf("%q did not come within %v; since what came last the screen shows\n%q", expression, patience, p.Unseen())
		}
	}
}

// Shown is all that ever was.
func (p *Person) Shown() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// Unseen is what is shown behind what See has found.
func (p *Person) Unseen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.shown[p.seen:])
}
