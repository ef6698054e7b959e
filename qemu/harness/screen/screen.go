package screen

import (
	"strconv"
	"strings"
)

// screen is one of so many lines; the cursor counts from 0.
type screen struct {
	lines    [][]rune
	cols     int
	row, col int
}

// Show returns the lines of a screen that was empty and has been sent some bytes.
func Show(rows, cols int, sent []byte) []string {
	s := &screen{lines: make([][]rune, rows), cols: cols}
	for i := range s.lines {
		s.lines[i] = blank(cols)
	}
	text := string(sent)
	for len(text) > 0 {
		if n := s.sequence(text); n > 0 {
			text = text[n:]
			continue
		}
		for i, r := range text {
			s.put(r)
			text = text[i+len(string(r)):]
			break
		}
	}
	var out []string
	for _, l := range s.lines {
		out = append(out, strings.TrimRight(string(l), " "))
	}
	return out
}

func blank(cols int) []rune { return []rune(strings.Repeat(" ", cols)) }

// put takes a character that begins no sequence.
func (s *screen) put(r rune) {
	switch {
	case r == '\r':
		s.col = 0
	case r == '\n':
		s.newline()
	case r == '\b':
		s.col = max(0, s.col-1)
	case r == '\t':
		s.col = min(s.cols-1, s.col|7+1)
	case r >= ' ' && r != 0x7f:
		if s.col == s.cols {
			s.col = 0
			s.newline()
		}
		s.lines[s.row][s.col] = r
		s.col++
	}
}

func (s *screen) newline() {
	if s.row++; s.row == len(s.lines) {
		s.row--
		s.lines = append(s.lines[1:], blank(s.cols))
	}
}

// sequence carries out the control sequence that the text begins with and returns its
// length; 0: it begins with none. One that is cut off is all there is.
func (s *screen) sequence(text string) int {
	if text[0] != 0x1b {
		return 0
	}
	if len(text) == 1 || text[1] != '[' {
		return min(2, len(text))
	}
	for i := 2; i < len(text); i++ {
		if c := text[i]; c >= '@' && c <= '~' {
			s.control(c, text[2:i])
			return i + 1
		}
	}
	return len(text)
}

func (s *screen) control(c byte, args string) {
	arg := func(i, otherwise int) int {
		fields := strings.Split(args, ";")
		if i < len(fields) {
			if n, err := strconv.Atoi(fields[i]); err == nil {
				return n
			}
		}
		return otherwise
	}
	switch c {
	case 'H', 'f':
		s.row, s.col = arg(0, 1)-1, arg(1, 1)-1
	case 'A':
		s.row -= arg(0, 1)
	case 'B':
		s.row += arg(0, 1)
	case 'C':
		s.col += arg(0, 1)
	case 'D':
		s.col -= arg(0, 1)
	case 'K':
		copy(s.lines[s.row][min(s.col, s.cols):], blank(s.cols))
	case 'J':
		from := s.row + 1
		if arg(0, 0) == 2 {
			from = 0
		} else {
			copy(s.lines[s.row][min(s.col, s.cols):], blank(s.cols))
		}
		for i := from; i < len(s.lines); i++ {
			s.lines[i] = blank(s.cols)
		}
	}
	s.row = min(max(s.row, 0), len(s.lines)-1)
	s.col = min(max(s.col, 0), s.cols-1)
}
