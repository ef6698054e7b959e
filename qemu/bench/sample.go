package main

import (
	"math"
	"slices"
	"time"
)

// sample is measured values, of one thing and in one unit.
type sample []float64

func (s sample) sorted() sample {
	t := slices.Clone(s)
	slices.Sort(t)
	return t
}

// quantile is the value that a share q of all do not exceed.
func (s sample) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	i := int(math.Ceil(q*float64(len(s)))) - 1
	return s.sorted()[max(i, 0)]
}

func (s sample) median() float64 { return s.quantile(0.5) }
func (s sample) p99() float64    { return s.quantile(0.99) }

// times is a sample in nanoseconds from integers.
func times(ns []int64) (s sample) {
	for _, v := range ns {
		s = append(s, float64(v))
	}
	return s
}

// duration shows nanoseconds with three digits that matter.
func duration(ns float64) string {
	if math.IsNaN(ns) {
		return "–"
	}
	d := time.Duration(ns)
	for unit := time.Second; unit > 1; unit /= 10 {
		if d >= unit {
			return d.Round(max(unit/100, 1)).String()
		}
	}
	return d.String()
}
