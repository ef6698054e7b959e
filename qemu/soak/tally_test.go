package soak

import (
	"math"
	"testing"
)

func TestWilson(t *testing.T) {
	for _, test := range []struct {
		k, n int
		want float64
	}{
		{0, 0, 1},
		{0, 10000, 0.000384}, // z²/(n+z²)
		{1, 10, 0.4042},
		{5, 10, 0.7634},
		{10, 10, 1},
	} {
		if got := Wilson(test.k, test.n); math.Abs(got-test.want) > 0.0001 && math.Abs(got/test.want-1) > 0.001 {
			t.Errorf("%d of %d: %g, want %g", test.k, test.n, got, test.want)
		}
	}
}

// A line that comes twice, or not at all, or has no number, is noticed, wherever the
// pieces of the output end.
func TestLines(t *testing.T) {
	for text, good := range map[string]bool{
		"1\n2\n":                        true,
		"round 1 sum 9\nround 2 sum 18": true,
		"1 mono 20\n2 mono 40\n":        true,
		"1\n1\n":                        false,
		"1\n3\n":                        false,
		"damaged\n":                     false,
	} {
		var l Lines
		for i := range len(text) {
			if _, err := l.Write([]byte(text[i : i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if (l.Err() == nil) != good {
			t.Errorf("%q: %v", text, l.Err())
		}
	}
}
