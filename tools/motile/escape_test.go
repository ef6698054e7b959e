package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct {
		last  int
		typed []string
		want  string // sent, with commands in angle brackets
	}{
		{3, []string{"ls\r"}, "ls\r"},
		{3, []string{"a\x1dqb"}, "a<q>b"},
		{3, []string{"a\x1d", "?b"}, "a<?>b"},
		{3, []string{"\x1d\x1dq"}, "\x1dq"},
		{3, []string{"\x1d1\x1d2x"}, "<N1><N2>x"},
		{3, []string{"\x1d0"}, "<0>"},
		{9, []string{"\x1d12"}, "<N1>2"},
		// Where there are ten nodes, 1 may be the beginning of 10 and 12, but 2 is 2.
		{12, []string{"\x1d12x"}, "<N12>x"},
		{12, []string{"\x1d", "1", "0"}, "<N10>"},
		{12, []string{"\x1d13"}, "<N1>3"},
		{12, []string{"\x1d1x"}, "<N1>x"},
		{12, []string{"\x1d1\rx"}, "<N1>x"},
		{12, []string{"\x1d1\x1dq"}, "<N1><q>"},
		{12, []string{"\x1d2x"}, "<N2>x"},
		{120, []string{"\x1d119x"}, "<N119>x"},
		{120, []string{"\x1d12\n\n"}, "<N12>\n"},
		{12, []string{"\x1d1"}, "<pause><N1>"},
	} {
		e := escape{last: c.last}
		var got strings.Builder
		show := func(cmd command) {
			switch cmd.key {
			case 0:
			case keyMove:
				fmt.Fprintf(&got, "<N%d>", cmd.node)
			default:
				fmt.Fprintf(&got, "<%c>", cmd.key)
			}
		}
		for _, typed := range c.typed {
			for rest := []byte(typed); len(rest) > 0; {
				send, cmd, more := e.feed(rest)
				got.Write(send)
				show(cmd)
				rest = more
			}
		}
		if e.expires() != nil {
			got.WriteString("<pause>")
			show(e.expire())
		}
		if got.String() != c.want {
			t.Errorf("%q: %q, want %q", c.typed, got.String(), c.want)
		}
	}
}
