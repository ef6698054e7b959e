package main

import "testing"

// TestLook: pages are written to in turn at the pace that was asked for, what was missed in
// a long pause is not made up for, and the pause is noted.
func TestLook(t *testing.T) {
	const pages, ms = 8, int64(1e6)
	w := worker{set: make([]byte, pages*pageBytes), pages: 100}
	at := int64(0)
	beats := func(n int) {
		for range n {
			at += ms
			w.look(at)
		}
	}
	writes := func() (n int) {
		for i := 0; i < len(w.set); i += pageBytes {
			n += int(w.set[i])
		}
		return n
	}
	beats(1000)
	if n := writes(); n != 100 {
		t.Errorf("%d pages written in a second, want 100", n)
	}
	if first, last := w.set[0], w.set[(pages-1)*pageBytes]; first-last > 1 {
		t.Errorf("the first page %d times, the last %d", first, last)
	}
	if w.gap != ms {
		t.Errorf("a gap of %d ns, want %d", w.gap, ms)
	}
	at += 2000 * ms
	w.look(at)
	if n := writes(); n > 105 {
		t.Errorf("%d pages were made up for", n-100)
	}
	if w.gap != 2000*ms || w.gapEnd != at {
		t.Errorf("a gap of %d ns until %d, want %d until %d", w.gap, w.gapEnd, 2000*ms, at)
	}
	before := writes()
	beats(1000)
	if n := writes() - before; n != 100 {
		t.Errorf("%d pages written in the second after, want 100", n)
	}
}
