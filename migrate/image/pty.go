package image

// PTY is a pseudo-terminal.
type PTY struct {
	Number  int32 `cbor:"1,keyasint"`
	Locked  bool  `cbor:"2,keyasint,omitempty"` // the slave cannot be opened yet
	Masters int   `cbor:"3,keyasint"`           // descriptions of each end that exist anywhere
	Slaves  int   `cbor:"4,keyasint"`
	Left    bool  `cbor:"5,keyasint,omitempty"` // there was a slave, and there is none

	Termios []byte `cbor:"6,keyasint"` // struct termios, 36 bytes
	Size    []byte `cbor:"7,keyasint"` // struct winsize, 8 bytes

	Output []byte `cbor:"8,keyasint,omitempty"`  // the master has not read
	Ready  []byte `cbor:"9,keyasint,omitempty"`  // the slave has not read
	Ends   []int  `cbor:"10,keyasint,omitempty"` // lengths of the lines in Ready; 0: an end of file
	Edit   []byte `cbor:"11,keyasint,omitempty"` // the line being typed
	Quote  bool   `cbor:"12,keyasint,omitempty"` // the next byte typed is taken literally
	Held   bool   `cbor:"13,keyasint,omitempty"` // output is stopped, by ^S

	Column     int   `cbor:"16,keyasint,omitempty"` // of the cursor
	Start      int   `cbor:"17,keyasint,omitempty"` // of where the line being typed began
	Session    int32 `cbor:"14,keyasint,omitempty"` // whose controlling terminal it is
	Foreground int32 `cbor:"15,keyasint,omitempty"` // process group
}

const (
	termiosSize = 36
	winsizeSize = 8
	maxTyped    = 16 << 10
	maxShown    = 64 << 10
)

// fits reports whether there is one and it is in range. How input is cut into lines the
// line discipline checks itself.
func (p *PTY) fits() bool {
	return p != nil && p.Number > 0 && p.Masters >= 0 && p.Masters <= maxEnds && p.Slaves >= 0 && p.Slaves <= maxEnds &&
		len(p.Termios) == termiosSize && len(p.Size) == winsizeSize &&
		len(p.Output) <= maxShown && len(p.Ready) <= maxTyped && len(p.Edit) <= maxTyped && len(p.Ends) <= maxTyped &&
		p.Session >= 0 && p.Foreground >= 0
}
