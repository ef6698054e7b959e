package machine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestConsole_ManyViewers(t *testing.T) {
	c := NewConsole()
	c.print([]byte("one\ntwo\nthree"))
	for _, tc := range []struct {
		from int64
		want string
	}{{0, "one\ntwo\nthree"}, {c.LastLines(1), "three"}, {c.LastLines(2), "two\nthree"}, {c.LastLines(9), "one\ntwo\nthree"}} {
		if got, err := c.View(tc.from).Next(t.Context()); string(got) != tc.want || err != nil {
			t.Errorf("from %d: %q, %v", tc.from, got, err)
		}
	}
	late := c.View(c.End())
	c.Note("node %d", 1)
	if got, _ := late.Next(t.Context()); string(got) != "\r\n[node 1]\r\n" {
		t.Errorf("%q", got)
	}
	c.Close()
	if _, err := late.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestConsole_SlowViewerSkips(t *testing.T) {
	c := NewConsole()
	v := c.View(0)
	block := bytes.Repeat([]byte("x"), 100_000)
	for range 50 {
		c.print(block)
	}
	c.print([]byte("end"))
	got, err := v.Next(t.Context())
	if err != nil || !bytes.HasSuffix(got, []byte("xend")) || len(got) < pastBytes || len(got) > 2*pastBytes {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if v.Lost() != 50*100_000+3-int64(len(got)) {
		t.Fatalf("%d lost", v.Lost())
	}
}

func TestConsole_Tail(t *testing.T) {
	c := NewConsole()
	if c.Tail(3) != nil {
		t.Fatal("something from nothing")
	}
	c.print([]byte("a\r\n\x1b[1;31mred\x1b[0m\r\nlast\r\n"))
	if got, want := c.Tail(2), []string{"red", "last"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
}

func TestView_Find(t *testing.T) {
	c := NewConsole()
	v := c.View(0)
	found := make(chan []string)
	go func() {
		m, _ := v.Find(t.Context(), regexp.MustCompile(`node (\d+) ready\n`))
		found <- m
	}()
	for _, s := range []string{"boot\nnode ", "12 re", "ady\nmore"} {
		c.print([]byte(s))
		time.Sleep(time.Millisecond)
	}
	if m := <-found; len(m) != 2 || m[1] != "12" {
		t.Fatalf("%q", m)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("node 12 died")
	cancel(why)
	if _, err := v.Find(ctx, regexp.MustCompile("never")); !errors.Is(err, why) {
		t.Fatal(err)
	}
	if rest, _ := v.Next(t.Context()); string(rest) != "more" {
		t.Fatalf("%q left", rest)
	}
}

func TestView_FindInALotOfText(t *testing.T) {
	c := NewConsole()
	v := c.View(0)
	done := make(chan error)
	go func() {
		_, err := v.Find(t.Context(), regexp.MustCompile("needle"))
		done <- err
	}()
	for range 4 * pastBytes / 1000 {
		c.print(bytes.Repeat([]byte("."), 1000))
	}
	c.print([]byte("needle"))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
