package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// delays is a range of times, given as 20ms or 1ms-20ms.
type delays struct{ least, more time.Duration }

// UnmarshalText reads a range.
func (d *delays) UnmarshalText(text []byte) error {
	least, most, isRange := strings.Cut(string(text), "-")
	if !isRange {
		most = least
	}
	from, err1 := time.ParseDuration(least)
	to, err2 := time.ParseDuration(most)
	if err1 != nil || err2 != nil || from < 0 || to < from {
		return fmt.Errorf("%q is not a delay: write 20ms, or 1ms-20ms", text)
	}
	*d = delays{from, to - from}
	return nil
}

// String is what UnmarshalText reads.
func (d delays) String() string {
	if d.more == 0 {
		return d.least.String()
	}
	return d.least.String() + "-" + (d.least + d.more).String()
}

// probability is given as 0.05 or 5%.
type probability float64

// UnmarshalText reads a probability.
func (p *probability) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return fmt.Errorf("%q is not a probability: write 0.05 or 5%%", text)
	}
	if percent {
		v /= 100
	}
	*p = probability(v)
	return nil
}

// diskSize is in MB; it is given as a number of them, or with a binary prefix: 256, 256M, 2G.
type diskSize int

// UnmarshalText reads a size.
func (m *diskSize) UnmarshalText(text []byte) error {
	number, unit := string(text), 1
	if n, ok := strings.CutSuffix(number, "M"); ok {
		number = n
	} else if n, ok := strings.CutSuffix(number, "G"); ok {
		number, unit = n, 1024
	}
	v, err := strconv.Atoi(number)
	if err != nil || v < 0 || v > 1<<20 {
		return fmt.Errorf("%q is not a size: write megabytes, as 256, 256M or 2G", text)
	}
	*m = diskSize(v * unit)
	return nil
}
