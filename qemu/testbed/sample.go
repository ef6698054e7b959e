package testbed

import (
	"math"
	"slices"
	"time"
)

// Sample is measured values, of one thing and in one unit.
type Sample []float64

func (s Sample) sorted() Sample {
	t := slices.Clone(s)
	slices.Sort(t)
	return t
}

// Quantile is the value that a share q of all do not exceed.
func (s Sample) Quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	i := int(math.Ceil(q*float64(len(s)))) - 1
	return s.sorted()[max(i, 0)]
}

// Median is the value in the middle, or half-way between the two that are.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	t := s.sorted()
	return (t[(len(t)-1)/2] + t[len(t)/2]) / 2
}

// P99 is the value that one in a hundred exceeds.
func (s Sample) P99() float64 { return s.Quantile(0.99) }

// Times is a sample in nanoseconds from integers.
func Times(ns []int64) (s Sample) {
	for _, v := range ns {
		s = append(s, float64(v))
	}
	return s
}

// Duration shows nanoseconds with three digits that matter.
func Duration(ns float64) string {
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
