package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	// pastBytes is how much of a console is kept in memory, and so how far a
	// viewer may fall behind. All of it is in the log file.
	pastBytes = 1 << 20

	// typeTimeout ends an attempt to type on a console that does not listen,
	// because the machine is stopped in a debugger, say.
	typeTimeout = 5 * time.Second
)

// ErrNoMachine is Write's when no machine is running behind a console.
var ErrNoMachine = errors.New("the node is not running")

// Console is the serial line of a node. It outlives the machines that boot as
// that node: viewers see one end and the next one come up.
//
// Any number of viewers may look at it. Each is a position in the shared past,
// so the console never waits for one; a viewer that falls too far behind skips.
type Console struct {
	mu      sync.Mutex
	machine net.Conn      // nil: none is running
	past    []byte        // the last bytes, at least pastBytes if there were so many
	end     int64         // position behind past; positions count from the first byte ever
	changed chan struct{} // closed, and replaced, when any of this changes
	closed  bool
}

// NewConsole returns one on which nothing has happened yet.
func NewConsole() *Console {
	return &Console{changed: make(chan struct{})}
}

// change runs f with the lock held and wakes all viewers.
func (c *Console) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

// serve takes in what a machine prints, until it has ended.
func (c *Console) serve(conn net.Conn) {
	c.change(func() { c.machine = conn })
	buf := make([]byte, 32<<10)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			c.print(buf[:n])
		}
		if err != nil {
			break
		}
	}
	c.change(func() {
		if c.machine == conn {
			c.machine = nil
		}
	})
	conn.Close()
}

// print appends to the past.
func (c *Console) print(p []byte) {
	c.change(func() {
		if len(c.past)+len(p) > 2*pastBytes {
			c.past = append(c.past[:0], c.past[len(c.past)-pastBytes:]...)
		}
		c.past = append(c.past, p...)
		c.end += int64(len(p))
	})
}

// Note puts a line of the host's own on the console, for viewers only.
func (c *Console) Note(format string, args ...any) {
	c.print(fmt.Appendf(nil, "\r\n["+format+"]\r\n", args...))
}

// Write types on the console.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	conn := c.machine
	c.mu.Unlock()
	if conn == nil {
		return 0, ErrNoMachine
	}
	conn.SetWriteDeadline(time.Now().Add(typeTimeout))
	return conn.Write(p)
}

// Close sends all viewers away.
func (c *Console) Close() {
	c.change(func() { c.closed = true })
}

// End is the position of what is printed next.
func (c *Console) End() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// LastLines is the position of the last n lines.
func (c *Console) LastLines(n int) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end - int64(len(lastLines(c.past, n)))
}

// Tail returns the last n lines as text, without carriage returns and other
// control characters.
func (c *Console) Tail(n int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.TrimRight(printable(lastLines(c.past, n)), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// lastLines is the end of b that has n lines, the last of which may be unfinished.
func lastLines(b []byte, n int) []byte {
	i := len(b)
	if i > 0 && b[i-1] == '\n' {
		i--
	}
	for i > 0 {
		if b[i-1] == '\n' {
			if n--; n <= 0 {
				break
			}
		}
		i--
	}
	return b[i:]
}

// escape is a terminal control sequence: colours, cursor movements.
var escape = regexp.MustCompile(`\x1b(\[[0-9;?]*[@-~]|[@-Z\\-_])`)

func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, escape.ReplaceAllString(string(b), ""))
}

// View reads a console from a position on.
type View struct {
	c    *Console
	at   int64
	lost int64
}

// View returns a viewer that begins at a position: 0, End(), LastLines(24), ….
func (c *Console) View(at int64) *View { return &View{c: c, at: at} }

// pending returns what lies between the viewer and the end. If that is
// nothing, changed tells when to look again.
func (v *View) pending() (p []byte, changed <-chan struct{}, closed bool) {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	if start := v.c.end - int64(len(v.c.past)); v.at < start {
		v.lost += start - v.at
		v.at = start
	}
	return append(p, v.c.past[len(v.c.past)-int(v.c.end-v.at):]...), v.c.changed, v.c.closed
}

// Lost is how many bytes the viewer has missed by being slow.
func (v *View) Lost() int64 { return v.lost }

// Next waits for something to be printed and returns all that was. The error
// is io.EOF when the console was closed, or ctx's.
func (v *View) Next(ctx context.Context) ([]byte, error) {
	for {
		p, changed, closed := v.pending()
		if len(p) > 0 {
			v.at += int64(len(p))
			return p, nil
		}
		if closed {
			return nil, io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// overlap is how long a match that Find does not see at once may be: of text
// that did not match, only so much is searched again when more has come.
const overlap = 16 << 10

// Find waits until the expression matches what was printed, moves the viewer
// behind the match and returns it with its groups. The expression should not
// end in something that could match more later. On failure the viewer stays.
func (v *View) Find(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	searched := 0 // bytes from v.at
	for {
		at := v.at
		p, changed, closed := v.pending()
		searched = max(0, searched-int(v.at-at)) // v may have had to skip
		from := max(0, searched-overlap)
		if m := re.FindSubmatchIndex(p[from:]); m != nil {
			groups := make([]string, len(m)/2)
			for i := range groups {
				if m[2*i] >= 0 {
					groups[i] = string(p[from+m[2*i] : from+m[2*i+1]])
				}
			}
			v.at += int64(from + m[1])
			return groups, nil
		}
		searched = len(p)
		if closed {
			return nil, io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
