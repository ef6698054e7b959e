package plot

import (
	"math"
	"strconv"
)

// scale maps values to a position along an axis, 0 to 1.
type scale struct {
	log      bool
	low, top float64
}

// newScale covers all values, from 0 on if it is linear. Logarithms have no 0: what is
// not positive lies at the edge.
func newScale(log bool, values []float64) scale {
	s := scale{log: log, low: math.Inf(1), top: math.Inf(-1)}
	for _, v := range values {
		if math.IsNaN(v) || log && v <= 0 {
			continue
		}
		s.low, s.top = min(s.low, v), max(s.top, v)
	}
	switch {
	case s.low > s.top:
		s.low, s.top = 1, 10
	case log:
		s.low = math.Pow(10, math.Floor(math.Log10(s.low)))
		s.top = math.Pow(10, math.Ceil(math.Log10(s.top)))
		if s.low == s.top {
			s.top *= 10
		}
	default:
		if s.low = min(s.low, 0); s.top == s.low {
			s.top++
		}
		step := s.step()
		s.top = math.Ceil(s.top/step) * step
	}
	return s
}

// at is where a value lies.
func (s scale) at(v float64) float64 {
	if !s.log {
		return (v - s.low) / (s.top - s.low)
	}
	if v <= s.low {
		return 0
	}
	return math.Log(v/s.low) / math.Log(s.top/s.low)
}

// step is 1, 2 or 5 times a power of ten, so that there are four to ten ticks.
func (s scale) step() float64 {
	width := s.top - s.low
	power := math.Pow(10, math.Floor(math.Log10(width/4)))
	for _, m := range []float64{5, 2} {
		if width/(m*power) >= 4 {
			return m * power
		}
	}
	return power
}

func (s scale) ticks() (at []float64) {
	if s.log {
		for v := s.low; v <= s.top*1.001; v *= 10 {
			at = append(at, v)
		}
		return at
	}
	step := s.step()
	for i := math.Ceil(s.low / step); i*step <= s.top*1.000001; i++ {
		at = append(at, i*step)
	}
	return at
}

func label(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
