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
	column  int    // where the cursor is, from 0
	start   int    // where it was when the line being typed began
}

const maxInput = 4096 // bytes of unread input; more is dropped with a bell

// maxColumn bounds what a line without an end counts to.
const maxColumn = 1 << 20

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
	if l.Iflag&ISTRIP != 0 {
		b &= 0x7f
	}
	if l.quote {
		l.quote = false
		l.accept(b)
		return
	}
	if l.Iflag&IUCLC != 0 && l.Lflag&IEXTEN != 0 && b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
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
		if l.Iflag&IXANY != 0 {
			l.halted = false
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
		l.kill(b)
	case l.Lflag&IEXTEN != 0 && l.is(b, VWERASE):
		l.erase(l.wordLen())
	case l.Lflag&IEXTEN != 0 && l.is(b, VLNEXT):
		l.quote = true
		if l.Lflag&ECHO != 0 && l.Lflag&ECHOCTL != 0 {
			l.echo = append(l.echo, "^\b"...) // what comes next takes its place
		}
	case l.Lflag&IEXTEN != 0 && l.Lflag&ECHO != 0 && l.is(b, VREPRINT):
		l.echoByte(b)
		l.show('\n')
		for _, b := range l.edit {
			l.echoByte(b)
		}
	case l.is(b, VEOF):
		l.push()
	case b == '\n' || l.is(b, VEOL) || l.Lflag&IEXTEN != 0 && l.is(b, VEOL2):
		l.edit = append(l.edit, b)
		if l.Lflag&ECHO != 0 || b == '\n' && l.Lflag&ECHONL != 0 {
			l.echoByte(b)
		}
		l.push()
	default:
		l.accept(b)
	}
}

// kill takes back the whole line.
func (l *Line) kill(b byte) {
	const visibly = ECHO | ECHOE | ECHOK | ECHOKE
	if l.Lflag&visibly == visibly || l.Lflag&ECHO == 0 {
		l.erase(len(l.edit))
		return
	}
	l.edit = l.edit[:0]
	l.echoByte(b)
	if l.Lflag&ECHOK != 0 {
		l.show('\n')
	}
}

// accept takes an ordinary byte.
func (l *Line) accept(b byte) {
	if len(l.ready)+len(l.edit) >= maxInput {
		if l.Iflag&IMAXBEL != 0 {
			l.echo = append(l.echo, bell)
		}
		return
	}
	if l.Lflag&ICANON != 0 {
		if len(l.edit) == 0 {
			l.start = l.column
		}
		l.edit = append(l.edit, b)
	} else {
		l.ready = append(l.ready, b)
	}
	if l.Lflag&ECHO != 0 {
		l.echoByte(b)
	}
}

const bell = 7

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
	// Column is where the cursor is, Start where it was when the line being typed began.
	Column, Start int
}

// Save returns the state of the line but for its settings and size.
func (l *Line) Save() Unread {
	return Unread{l.ready, l.ends, l.edit, l.quote, l.halted, l.column, l.start}
}

// Restore takes over what Save has returned. It reports false if that makes no sense.
func (l *Line) Restore(u Unread) bool {
	left := len(u.Ready)
	for _, n := range u.Ends {
		if left -= n; n < 0 || left < 0 {
			return false
		}
	}
	if len(u.Ready)+len(u.Edit) > 2*maxInput || len(u.Ends) > maxInput || u.Column < 0 || u.Column > maxColumn || u.Start < 0 || u.Start > maxColumn {
		return false
	}
	l.ready, l.ends, l.edit, l.quote, l.halted = u.Ready, u.Ends, u.Edit, u.Quote, u.Held
	l.column, l.start = u.Column, u.Start
	return true
}

// push ends the line being typed. An empty one is an end of file.
func (l *Line) push() {
	l.ready = append(l.ready, l.edit...)
	l.ends = append(l.ends, len(l.edit))
	l.edit = l.edit[:0]
}

func (l *Line) echoByte(b byte) {
	if l.control(b) {
		l.show('^')
		l.show(b ^ 0x40)
		return
	}
	l.show(b)
}

// control reports whether a byte is echoed as two.
func (l *Line) control(b byte) bool {
	return l.Lflag&ECHOCTL != 0 && invisible(b) && (b != '\n' || l.Lflag&ICANON == 0)
}

func invisible(b byte) bool { return b < ' ' && b != '\t' || b == 0x7f }

func (l *Line) show(b byte) { l.echo = l.output(l.echo, b) }

// erase removes n bytes before the cursor, whole characters of UTF-8 at a time if they
// are typed in that.
func (l *Line) erase(n int) {
	for n > 0 && len(l.edit) > 0 {
		size := 1
		for l.Iflag&IUTF8 != 0 && size < len(l.edit) && l.edit[len(l.edit)-size]&0xc0 == 0x80 {
			size++
		}
		b := l.edit[len(l.edit)-size]
		l.edit = l.edit[:len(l.edit)-size]
		n -= size
		if l.Lflag&ECHO == 0 {
			continue
		}
		if l.Lflag&ECHOE == 0 {
			l.echoByte(l.CC[VERASE])
			continue
		}
		width := 1
		switch {
		case b == '\t': // as far as what is before it reaches
			for to := l.width(); l.column > to; l.column-- {
				l.echo = append(l.echo, '\b')
			}
			continue
		case l.control(b):
			width = 2
		case invisible(b):
			width = 0
		}
		for range width {
			l.echo = append(l.echo, "\b \b"...)
			l.column = max(0, l.column-1)
		}
	}
}

// width is the column that the line being typed reaches to.
func (l *Line) width() int {
	at := l.start
	for _, b := range l.edit {
		switch {
		case b == '\t':
			at = at | 7 + 1
		case l.control(b):
			at += 2
		case invisible(b):
		case l.Iflag&IUTF8 == 0 || b&0xc0 != 0x80:
			at++
		}
	}
	return at
}

// wordLen is the length of the last word of the line being typed: letters, digits and
// underscores, and what is behind them.
func (l *Line) wordLen() int {
	word := func(b byte) bool {
		return b >= 0x80 || b == '_' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
	}
	i := len(l.edit)
	for i > 0 && !word(l.edit[i-1]) {
		i--
	}
	for i > 0 && word(l.edit[i-1]) {
		i--
	}
	return len(l.edit) - i
}

// Readable reports whether poll(2) would say that there is input: data or an end of file.
// Without a time a program has asked for so many bytes at once.
func (l *Line) Readable() bool {
	if l.Lflag&ICANON != 0 {
		return len(l.ends) > 0
	}
	least := 1
	if l.CC[VTIME] == 0 {
		least = max(1, int(l.CC[VMIN]))
	}
	return len(l.ready) >= least
}

// enough reports whether a read of n bytes need not wait for more.
func (l *Line) enough(n int) bool {
	if l.Lflag&ICANON != 0 {
		return len(l.ends) > 0
	}
	return len(l.ready) > 0 && len(l.ready) >= min(n, int(l.CC[VMIN]))
}

// Unfinished reports whether there is input in raw mode, of which a program may want more
// at once.
func (l *Line) Unfinished() bool { return l.Lflag&ICANON == 0 && len(l.ready) > 0 }

// Patience is how long a read that has come for nothing should wait before it takes what
// there is (termios(3), VTIME), in ns: from when it began, or from the last byte that
// came. 0: for as long as it takes; negative: not at all.
func (l *Line) Patience() int64 {
	const tenth = 100e6
	least, tenths := l.CC[VMIN], int64(l.CC[VTIME])
	switch {
	case l.Lflag&ICANON != 0:
		return 0
	case least == 0 && tenths == 0:
		return -1
	case least > 0 && len(l.ready) == 0:
		return 0
	}
	return tenths * tenth
}

// Buffered is how many bytes Read could return.
func (l *Line) Buffered() int {
	if l.Lflag&ICANON != 0 && len(l.ends) > 0 {
		return l.ends[0]
	}
	return len(l.ready)
}

// Read takes up to n bytes of input, at most one line in canonical mode. ok is
// false when there is none yet, or less than was asked for; ok and no bytes is an end
// of file. late: it has waited for as long as it should, and takes what there is.
func (l *Line) Read(n int, late bool) (p []byte, ok bool) {
	if !l.enough(n) && (!late && l.Patience() >= 0 || l.Lflag&ICANON != 0) {
		return nil, false
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
	if l.Oflag&OPOST == 0 {
		return append(dst, b)
	}
	switch {
	case b == '\n' && l.Oflag&ONLCR != 0:
		l.column = 0
		return append(dst, '\r', '\n')
	case b == '\n':
		if l.Oflag&ONLRET != 0 {
			l.column = 0
		}
	case b == '\r' && l.Oflag&ONOCR != 0 && l.column == 0:
		return dst
	case b == '\r' && l.Oflag&OCRNL != 0:
		b = '\n'
	case b == '\r':
		l.column = 0
	case b == '\b':
		l.column = max(0, l.column-1)
	case b == '\t':
		to := l.column | 7 + 1
		spaces := to - l.column
		l.column = to
		if l.Oflag&TABDLY == TABDLY {
			return append(dst, "        "[:spaces]...)
		}
	case b >= ' ' && b != 0x7f:
		l.column &= maxColumn - 1
		if l.Oflag&OLCUC != 0 && b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		if l.Iflag&IUTF8 == 0 || b&0xc0 != 0x80 {
			l.column++
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
