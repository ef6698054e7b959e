package screen

import (
	"slices"
	"testing"
)

func TestShow(t *testing.T) {
	for _, test := range []struct {
		sent string
		want []string
	}{
		{"one\r\ntwo", []string{"one", "two", ""}},
		{"a\nb", []string{"a", " b", ""}},
		{"1\r\n2\r\n3\r\n4", []string{"2", "3", "4"}},                                // it scrolls
		{"12345678", []string{"123456", "78", ""}},                                   // and folds
		{"\x1b[3;2Hx\x1b[1;1Hy\x1b[mz", []string{"yz", "", " x"}},                    // cursor, colour
		{"first\r\x1b[Knew\r\nabc\x1b[2D\x1b[K", []string{"new", "a", ""}},           // erase the rest of a line
		{"a\r\nb\r\nc\x1b[H\x1b[J", []string{"", "", ""}},                            // of the screen
		{"a\r\nb\x1b[2J\x1b[99;99Hz", []string{"", "", "     z"}},                    // all of it; past the end
		{"ab\x08c\x07\x1b7\x1b[?25l!\x1b[1", []string{"ac!", "", ""}},                // what has no meaning here
		{"\x1b[2;1Hbc\x1b[2;1H\xc3\xa4\x1b[B\x1b[A\x1b[Cd", []string{"", "äcd", ""}}, // moves
	} {
		if got := Show(3, 6, []byte(test.sent)); !slices.Equal(got, test.want) {
			t.Errorf("%q shows %q, want %q", test.sent, got, test.want)
		}
	}
}
