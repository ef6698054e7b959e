package tty

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// typing is what somebody types at a terminal with some settings.
type typing struct {
	name string
	set  func(t *Termios)
	keys []string // each is typed when the one before has had its effect
}

func flags(f *uint32, on, off uint32) { *f = *f&^off | on }

var typings = []typing{
	{name: "a line", keys: []string{"hello\r"}},
	{name: "erase", keys: []string{"abx\x7fc\r"}},
	{name: "erase more than there is", keys: []string{"a\x7f\x7f\x7fb\r"}},
	{name: "erase a tab", keys: []string{"ab\tc\x7f\x7fd\r"}},
	{name: "erase a tab behind a control", keys: []string{"\x01\t\x7fz\r"}},
	{name: "erase a control", keys: []string{"a\x01\x02\x7fb\r"}},
	{name: "erase UTF-8", set: func(t *Termios) { t.Iflag |= IUTF8 }, keys: []string{"äö\x7fü\r"}},
	{name: "erase UTF-8 that nobody knows of", keys: []string{"ä\x7f\x7fb\r"}},
	{name: "kill", keys: []string{"abc\x01\x15def\r"}},
	{name: "kill without ECHOKE", set: func(t *Termios) { flags(&t.Lflag, 0, ECHOKE) }, keys: []string{"abc\x15def\r"}},
	{name: "kill without ECHOK and ECHOKE", set: func(t *Termios) { flags(&t.Lflag, 0, ECHOK|ECHOKE) }, keys: []string{"abc\x15def\r"}},
	{name: "erase without ECHOE", set: func(t *Termios) { flags(&t.Lflag, 0, ECHOE) }, keys: []string{"abc\x7fd\r"}},
	{name: "erase a word", keys: []string{"one two_3  \x17x\r"}},
	{name: "erase two words", keys: []string{"a-b.c/d\x17\x17x\r"}},
	{name: "reprint", keys: []string{"abc\x01\x12d\r"}},
	{name: "literally", keys: []string{"a\x16\x03\x16\x7fb\r"}},
	{name: "end of file", keys: []string{"abc\x04", "\x04"}},
	{name: "no echo", set: func(t *Termios) { flags(&t.Lflag, 0, ECHO) }, keys: []string{"se\x7fcret\r"}},
	{name: "ECHONL alone", set: func(t *Termios) { flags(&t.Lflag, ECHONL, ECHO) }, keys: []string{"secret\r"}},
	{name: "no ECHOCTL", set: func(t *Termios) { flags(&t.Lflag, 0, ECHOCTL) }, keys: []string{"a\x01\x7fb\r"}},
	{name: "no IEXTEN", set: func(t *Termios) { flags(&t.Lflag, 0, IEXTEN) }, keys: []string{"a b\x17\x16\x12\r"}},
	{name: "carriage returns stay", set: func(t *Termios) { flags(&t.Iflag, 0, ICRNL) }, keys: []string{"a\rb\n"}},
	{name: "newlines become carriage returns", set: func(t *Termios) { flags(&t.Iflag, INLCR, ICRNL) }, keys: []string{"a\nb\x04"}},
	{name: "no carriage returns", set: func(t *Termios) { flags(&t.Iflag, IGNCR, 0) }, keys: []string{"a\rb\n"}},
	{name: "seven bits", set: func(t *Termios) { flags(&t.Iflag, ISTRIP, 0) }, keys: []string{"\xe1\xe2\r"}},
	{name: "lower case", set: func(t *Termios) { flags(&t.Iflag, IUCLC, 0) }, keys: []string{"ABc\r"}},
	{name: "no output processing", set: func(t *Termios) { flags(&t.Oflag, 0, OPOST) }, keys: []string{"a\tb\r"}},
	{name: "upper case, and tabs as spaces", set: func(t *Termios) { flags(&t.Oflag, OLCUC|TABDLY, 0) }, keys: []string{"ab\tc\r"}},
	{name: "another end of line", set: func(t *Termios) { t.CC[VEOL] = ';' }, keys: []string{"a;b\r"}},
	{name: "stopped and started", keys: []string{"a\x13\x11b\r"}},
	{name: "no flow control", set: func(t *Termios) { flags(&t.Iflag, 0, IXON) }, keys: []string{"a\x13\x11b\r"}},
	{name: "no signals", set: func(t *Termios) { flags(&t.Lflag, 0, ISIG) }, keys: []string{"a\x03\x1a\x1cb\r"}},
	{name: "raw", set: raw(1, 0), keys: []string{"a\x03\r\x7f"}},
	{name: "raw with echo", set: func(t *Termios) { raw(1, 0)(t); t.Lflag |= ECHO }, keys: []string{"a\x01\n"}},
	{name: "raw, nothing", set: raw(0, 0), keys: nil},
}

func raw(least, tenths uint8) func(*Termios) {
	return func(t *Termios) {
		flags(&t.Iflag, 0, ISTRIP|INLCR|IGNCR|ICRNL|IXON)
		flags(&t.Oflag, 0, OPOST)
		flags(&t.Lflag, 0, ECHO|ECHONL|ICANON|ISIG|IEXTEN)
		t.CC[VMIN], t.CC[VTIME] = least, tenths
	}
}

// The line discipline does what the host's does.
func TestLine_AsOnTheHost(t *testing.T) {
	for _, test := range typings {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			settings := Default()
			if test.set != nil {
				test.set(&settings)
			}
			h.set(settings)
			l := New()
			l.Set(settings)
			for _, keys := range test.keys {
				l.Input([]byte(keys))
				echo := l.TakeEcho()
				if got := h.typed(keys, len(echo)); got != string(echo) {
					t.Errorf("%q is echoed as %q, on the host as %q", keys, echo, got)
				}
			}
			for range 5 {
				p, ok := l.Read(100, false)
				if got, there := h.read(); got != string(p) || there != ok {
					t.Errorf("read %q, %v; on the host %q, %v", p, ok, got, there)
				}
			}
		})
	}
}

// host is a pseudo-terminal of the machine that the test runs on.
type host struct {
	t             *testing.T
	master, slave *os.File
}

func newHost(t *testing.T) *host {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudo-terminals:", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	unix.SetNonblock(fd, true)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { slave.Close() })
	return &host{t, master, slave}
}

func (h *host) set(t Termios) {
	h.t.Helper()
	// The kernel's termios is the C library's but for the speeds behind it.
	x := unix.Termios{Iflag: t.Iflag, Oflag: t.Oflag, Cflag: t.Cflag, Lflag: t.Lflag}
	copy(x.Cc[:], t.CC[:])
	if err := unix.IoctlSetTermios(int(h.slave.Fd()), unix.TCSETS, &x); err != nil {
		h.t.Fatal(err)
	}
}

// typed types something and returns its echo, which should have so many bytes.
func (h *host) typed(keys string, want int) string {
	h.t.Helper()
	if _, err := unix.Write(int(h.master.Fd()), []byte(keys)); err != nil {
		h.t.Fatal(err)
	}
	var echo []byte
	for quiet := 0; quiet < 20 && len(echo) < want || quiet < 2; quiet++ {
		var buf [1000]byte
		if n, _ := unix.Read(int(h.master.Fd()), buf[:]); n > 0 {
			echo = append(echo, buf[:n]...)
			quiet = 0
		}
		time.Sleep(5 * time.Millisecond)
	}
	return string(echo)
}

func (h *host) read() (string, bool) {
	var buf [100]byte
	n, err := unix.Read(int(h.slave.Fd()), buf[:])
	return string(buf[:max(0, n)]), err == nil
}
