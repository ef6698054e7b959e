package testbed

import (
	"math"
	"testing"
)

func TestSample(t *testing.T) {
	var s Sample
	for i := range 1000 {
		s = append(s, float64(1000-i))
	}
	if s.Median() != 500.5 || s.P99() != 990 {
		t.Errorf("of 1 to 1000: median %v, p99 %v", s.Median(), s.P99())
	}
	if two := (Sample{8, 7}); two.Median() != 7.5 || two.Quantile(0.1) != 7 || two.Quantile(0.9) != 8 {
		t.Errorf("of 7 and 8: median %v, p10 %v, p90 %v", two.Median(), two.Quantile(0.1), two.Quantile(0.9))
	}
	if none := (Sample{}); !math.IsNaN(none.Median()) || !math.IsNaN(none.P99()) || Duration(none.Median()) != "–" {
		t.Error("there is a median of nothing")
	}
	if one := (Sample{7}); one.Median() != 7 || one.P99() != 7 {
		t.Errorf("of 7: median %v, p99 %v", one.Median(), one.P99())
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{
		1432: "1.43µs", 96_912: "96.9µs", 826_123: "826µs", 75_312_345: "75.3ms", 2_512_345_678: "2.51s", 15: "15ns",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("%v ns is %s, want %s", ns, got, want)
		}
	}
}
