package result

import (
	"slices"

	"motile/qemu/testbed"
)

// Sample is what was measured of one thing, in one unit.
type Sample testbed.Sample

// Stat is a sample in four numbers. P10 is what a tenth of the values do not exceed.
type Stat struct {
	Median float64 `json:"median"`
	P10    float64 `json:"p10"`
	P90    float64 `json:"p90"`
	N      int     `json:"n"`
}

// Stat sums the sample up. There must be a value.
func (s Sample) Stat() Stat {
	t := testbed.Sample(s)
	return Stat{Median: t.Median(), P10: t.Quantile(0.1), P90: t.Quantile(0.9), N: len(t)}
}

// Each is a sample with every value changed.
func (s Sample) Each(f func(float64) float64) Sample {
	t := slices.Clone(s)
	for i, v := range t {
		t[i] = f(v)
	}
	return t
}
