package operate

import (
	"fmt"
	"strconv"
	"strings"
)

// Bitrate is given in bit/s, with a decimal prefix if that is shorter: 64k,
// 10M, 1.5G.
type Bitrate int64

// UnmarshalText reads a rate.
func (r *Bitrate) UnmarshalText(text []byte) error {
	number, unit := string(text), 1.0
	for suffix, factor := range map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if n, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = n, factor
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || v*unit > 1e15 {
		return fmt.Errorf("%q is not a rate: write bits per second, as 64k, 10M or 1G", text)
	}
	*r = Bitrate(v * unit)
	return nil
}

// String is the shortest form that UnmarshalText reads.
func (r Bitrate) String() string {
	for _, u := range []struct {
		suffix string
		factor Bitrate
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if r >= u.factor && r%(u.factor/1000) == 0 {
			return strconv.FormatFloat(float64(r)/float64(u.factor), 'f', -1, 64) + u.suffix
		}
	}
	return strconv.FormatInt(int64(r), 10)
}
