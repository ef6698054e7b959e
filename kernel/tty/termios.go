package tty

import "encoding/binary"

// Termios is the kernel's struct termios (asm-generic/termbits.h), 36 bytes on
// the wire and in user memory.
type Termios struct {
	Iflag, Oflag, Cflag, Lflag uint32
	Line                       uint8
	CC                         [19]uint8
}

// TermiosSize is the encoded length.
const TermiosSize = 36

// Flags.
const (
	ISTRIP  = 0o40
	INLCR   = 0o100
	IGNCR   = 0o200
	ICRNL   = 0o400
	IUCLC   = 0o1000
	IXON    = 0o2000
	IXANY   = 0o4000
	IMAXBEL = 0o20000
	IUTF8   = 0o40000

	OPOST  = 0o1
	OLCUC  = 0o2
	ONLCR  = 0o4
	OCRNL  = 0o10
	ONOCR  = 0o20
	ONLRET = 0o40
	TABDLY = 0o14000 // all of it: tabs become spaces

	ISIG    = 0o1
	ICANON  = 0o2
	ECHO    = 0o10
	ECHOE   = 0o20
	ECHOK   = 0o40
	ECHONL  = 0o100
	NOFLSH  = 0o200
	TOSTOP  = 0o400
	ECHOCTL = 0o1000
	ECHOKE  = 0o4000
	IEXTEN  = 0o100000
)

// Indices into CC.
const (
	VINTR    = 0
	VQUIT    = 1
	VERASE   = 2
	VKILL    = 3
	VEOF     = 4
	VTIME    = 5
	VMIN     = 6
	VSTART   = 8
	VSTOP    = 9
	VSUSP    = 10
	VEOL     = 11
	VREPRINT = 12
	VWERASE  = 14
	VLNEXT   = 15
	VEOL2    = 16
)

// Default is what a terminal starts with.
func Default() Termios {
	const b38400, cs8, cread, hupcl = 0o17, 0o60, 0o200, 0o2000
	t := Termios{
		Iflag: ICRNL | IXON,
		Oflag: OPOST | ONLCR,
		Cflag: b38400 | cs8 | cread | hupcl,
		Lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	}
	t.CC = [19]uint8{VINTR: 3, VQUIT: 28, VERASE: 127, VKILL: 21, VEOF: 4, VMIN: 1,
		VSTART: 17, VSTOP: 19, VSUSP: 26, VREPRINT: 18, VWERASE: 23, VLNEXT: 22}
	return t
}

// Encode lays the structure out.
func (t *Termios) Encode() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, t.Iflag)
	b = le.AppendUint32(b, t.Oflag)
	b = le.AppendUint32(b, t.Cflag)
	b = le.AppendUint32(b, t.Lflag)
	b = append(b, t.Line)
	return append(b, t.CC[:]...)
}

// Decode reads a structure of TermiosSize bytes.
func (t *Termios) Decode(b []byte) {
	le := binary.LittleEndian
	t.Iflag, t.Oflag, t.Cflag, t.Lflag = le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])
	t.Line = b[16]
	copy(t.CC[:], b[17:])
}

// Winsize is struct winsize: 8 bytes.
type Winsize struct{ Rows, Cols, X, Y uint16 }

func (w Winsize) Encode() []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, w.Rows)
	b = le.AppendUint16(b, w.Cols)
	b = le.AppendUint16(b, w.X)
	return le.AppendUint16(b, w.Y)
}

// DecodeWinsize reads 8 bytes.
func DecodeWinsize(b []byte) Winsize {
	le := binary.LittleEndian
	return Winsize{le.Uint16(b), le.Uint16(b[2:]), le.Uint16(b[4:]), le.Uint16(b[6:])}
}
