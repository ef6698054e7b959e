package tty

import "motile/kernel/abi"

// Line is the state of one terminal between its keyboard and screen on one side
// and the programs on the other.
type Line struct {
	Termios
	Size Winsize

	ready []byte // input that programs may read
	ends  []int  // canonical mode: lengths of the lines in ready; 0 is an end of file
	edit  []byte // canonical mode: the line being typed
	quote bool   // the next byte is taken literally (VLNEXT)

	echo    []byte // to the screen, from the discipline itself
	signals []int  // to the foreground process group
	halted  bool   // output stopped by VSTOP
}

const maxInput = 4096 // bytes of unread input; more is dropped with a bell

// New returns a terminal of the usual size with default settings.
func New() *Line { return &Line{Termios: Default(), Size: Winsize{Rows: 24, Cols: 80}} }

// Input takes bytes from the keyboard.
func (l *Line) Input(p []byte) {
	for _, b := range p {
		l.key(b)
	}
}

func (l *Line) is(b byte, cc int) bool { return l.CC[cc] != 0 && b == l.CC[cc] }

func (l *Line) key(b byte) {
	if l.quote {
		l.quote = false
		l.accept(b)
		return
	}
	switch {
	case b == '\r' && l.Iflag&IGNCR != 0:
		return
	case b == '\r' && l.Iflag&ICRNL != 0:
		b = '\n'
	case b == '\n' && l.Iflag&INLCR != 0:
		b = '\r'
	}
	if l.Iflag&IXON != 0 {
		if l.is(b, VSTOP) {
			l.halted = true
			return
		}
		if l.is(b, VSTART) {
			l.halted = false
			return
		}
	}
	if l.Lflag&ISIG != 0 && l.signalKey(b) {
		return
	}
	if l.Lflag&ICANON != 0 {
		l.canonical(b)
		return
	}
	l.accept(b)
}

func (l *Line) signalKey(b byte) bool {
	sig := 0
	switch {
	case l.is(b, VINTR):
		sig = abi.SIGINT
	case l.is(b, VQUIT):
		sig = abi.SIGQUIT
	case l.is(b, VSUSP):
		sig = abi.SIGTSTP
	default:
		return false
	}
	l.halted = false
	if l.Lflag&NOFLSH == 0 {
		l.edit, l.ready, l.ends = l.edit[:0], l.ready[:0], l.ends[:0]
	}
	if l.Lflag&ECHO != 0 {
		l.echoByte(b)
	}
	l.signals = append(l.signals, sig)
	return true
}

func (l *Line) canonical(b byte) {
	switch {
	case l.is(b, VERASE):
		l.erase(1)
	case l.is(b, VKILL):
		l.erase(len(l.edit))
	case l.Lflag&IEXTEN != 0 && l.is(b, VWERASE):
		l.erase(l.wordLen())
	case l.Lflag&IEXTEN != 0 && l.is(b, VLNEXT):
		l.quote = true
	case l.Lflag&IEXTEN != 0 && l.is(b, VREPRINT):
		l.echo = append(append(l.echo, "^R\r\n"...), l.edit...)
	case l.is(b, VEOF):
		l.push()
	case b == '\n' || l.is(b, VEOL) || l.is(b, VEOL2):
		l.edit = append(l.edit, b)
		if l.Lflag&(ECHO|ECHONL) != 0 {
			l.echoByte(b)
		}
		l.push()
	default:
		l.accept(b)
	}
}

// accept takes an ordinary byte.
func (l *Line) accept(b byte) {
	if len(l.ready)+len(l.edit) >= maxInput {
		l.echo = append(l.echo, 7)
		return
	}
	if l.Lflag&ICANON != 0 {
		l.edit = append(l.edit, b)
	} else {
		l.ready = append(l.ready, b)
	}
	if l.Lflag&ECHO != 0 {
		l.echoByte(b)
	}
}

// Room is how many bytes the keyboard may send before it should wait. A line that does
// not end never waits: what is too long of it is dropped, with a bell.
func (l *Line) Room() int {
	if l.Lflag&ICANON != 0 && len(l.ends) == 0 {
		return maxInput
	}
	return max(0, maxInput-len(l.ready)-len(l.edit))
}

// Unread is what Save writes down: input that no program has read.
type Unread struct {
	Ready []byte
	Ends  []int
	Edit  []byte
	Quote bool // the next byte is taken literally
	Held  bool // output is stopped
}

// Save returns the state of the line but for its settings and size.
func (l *Line) Save() Unread { return Unread{l.ready, l.ends, l.edit, l.quote, l.halted} }

// Restore takes over what Save has returned. It reports false if that makes no sense.
func (l *Line) Restore(u Unread) bool {
	left := len(u.Ready)
	for _, n := range u.Ends {
		if left -= n; n < 0 || left < 0 {
			return false
		}
	}
	if len(u.Ready)+len(u.Edit) > 2*maxInput || len(u.Ends) > maxInput {
		return false
	}
	l.ready, l.ends, l.edit, l.quote, l.halted = u.Ready, u.Ends, u.Edit, u.Quote, u.Held
	return true
}

// push ends the line being typed. An empty one is an end of file.
func (l *Line) push() {
	l.ready = append(l.ready, l.edit...)
	l.ends = append(l.ends, len(l.edit))
	l.edit = l.edit[:0]
}

func (l *Line) echoByte(b byte) {
	switch {
	case b == '\n' || b == '\t':
		l.echo = l.output(l.echo, b)
	case b < 32 || b == 127:
		if l.Lflag&ECHOCTL != 0 {
			l.echo = append(l.echo, '^', b^0x40)
		} else {
			l.echo = append(l.echo, b)
		}
	default:
		l.echo = append(l.echo, b)
	}
}

// erase removes n bytes before the cursor, whole characters of UTF-8 at a time.
func (l *Line) erase(n int) {
	for ; n > 0 && len(l.edit) > 0; n-- {
		b := l.edit[len(l.edit)-1]
		l.edit = l.edit[:len(l.edit)-1]
		for b&0xc0 == 0x80 && len(l.edit) > 0 {
			b = l.edit[len(l.edit)-1]
			l.edit = l.edit[:len(l.edit)-1]
			n--
		}
		if l.Lflag&ECHO == 0 || l.Lflag&ECHOE == 0 {
			continue
		}
		l.echo = append(l.echo, "\b \b"...)
		if b < 32 && b != '\t' && l.Lflag&ECHOCTL != 0 {
			l.echo = append(l.echo, "\b \b"...)
		}
	}
}

// wordLen is the length of the last word of the line being typed.
func (l *Line) wordLen() int {
	i := len(l.edit)
	for i > 0 && l.edit[i-1] == ' ' {
		i--
	}
	for i > 0 && l.edit[i-1] != ' ' {
		i--
	}
	return len(l.edit) - i
}

// Readable reports whether Read would return something: data or an end of file.
func (l *Line) Readable() bool {
	if l.Lflag&ICANON != 0 {
		return len(l.ends) > 0
	}
	return len(l.ready) > 0 && len(l.ready) >= int(min(l.CC[VMIN], 1))
}

// Buffered is how many bytes Read could return.
func (l *Line) Buffered() int {
	if l.Lflag&ICANON != 0 && len(l.ends) > 0 {
		return l.ends[0]
	}
	return len(l.ready)
}

// Read takes up to n bytes of input, at most one line in canonical mode. ok is
// false when there is none yet; ok and no bytes is an end of file.
func (l *Line) Read(n int) (p []byte, ok bool) {
	if !l.Readable() {
		polling := l.Lflag&ICANON == 0 && l.CC[VMIN] == 0 && l.CC[VTIME] == 0
		return nil, polling
	}
	if l.Lflag&ICANON != 0 {
		n = min(n, l.ends[0])
		if l.ends[0] -= n; l.ends[0] == 0 {
			l.ends = append(l.ends[:0], l.ends[1:]...)
		}
	} else {
		n = min(n, len(l.ready))
	}
	p = append([]byte(nil), l.ready[:n]...)
	l.ready = append(l.ready[:0], l.ready[n:]...)
	return p, true
}

// Output translates what a program writes into what the screen gets.
func (l *Line) Output(dst, p []byte) []byte {
	if l.Oflag&OPOST == 0 {
		return append(dst, p...)
	}
	for _, b := range p {
		dst = l.output(dst, b)
	}
	return dst
}

func (l *Line) output(dst []byte, b byte) []byte {
	if l.Oflag&OPOST != 0 {
		switch {
		case b == '\n' && l.Oflag&ONLCR != 0:
			return append(dst, '\r', '\n')
		case b == '\r' && l.Oflag&OCRNL != 0:
			return append(dst, '\n')
		}
	}
	return append(dst, b)
}

// Halted reports whether output waits for VSTART.
func (l *Line) Halted() bool { return l.halted }

// TakeEcho returns what the screen must show, and forgets it.
func (l *Line) TakeEcho() []byte {
	e := l.echo
	l.echo = nil
	return e
}

// TakeSignals returns the signals the foreground group must get, and forgets them.
func (l *Line) TakeSignals() []int {
	s := l.signals
	l.signals = nil
	return s
}

// Set changes the settings. Leaving canonical mode makes the line being typed
// readable; entering it makes what is there a line.
func (l *Line) Set(t Termios) {
	was := l.Lflag & ICANON
	l.Termios = t
	switch now := t.Lflag & ICANON; {
	case was != 0 && now == 0:
		l.ready = append(l.ready, l.edit...)
		l.edit, l.ends = l.edit[:0], l.ends[:0]
	case was == 0 && now != 0 && len(l.ready) > 0:
		l.ends = append(l.ends[:0], len(l.ready))
	}
}

// FlushInput drops unread input.
func (l *Line) FlushInput() {
	l.ready, l.ends, l.edit = l.ready[:0], l.ends[:0], l.edit[:0]
}
