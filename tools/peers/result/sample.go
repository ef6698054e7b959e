package result

import (
	"math"
	"slices"
)

// Sample is what was measured of one thing, in one unit.
type Sample []float64

// Stat is a sample in four numbers. P10 is what a tenth of the values do not exceed.
type Stat struct {
	Median float64 `json:"median"`
	P10    float64 `json:"p10"`
	P90    float64 `json:"p90"`
	N      int     `json:"n"`
}

// Stat sums the sample up. There must be a value.
func (s Sample) Stat() Stat {
	t := slices.Clone(s)
	slices.Sort(t)
	at := func(share float64) float64 { return t[max(int(math.Ceil(share*float64(len(t))))-1, 0)] }
	median := (t[(len(t)-1)/2] + t[len(t)/2]) / 2
	return Stat{Median: median, P10: at(0.1), P90: at(0.9), N: len(t)}
}

// Each is a sample with every value changed.
func (s Sample) Each(f func(float64) float64) Sample {
	t := slices.Clone(s)
	for i, v := range t {
		t[i] = f(v)
	}
	return t
}
