package record

import (
	"slices"
	"strconv"

	"motile/qemu/testbed"
)

// Set is some of a record's measurements.
type Set []Measurement

// Where picks those with certain parameters, given as name, value, name, value...
func (s Set) Where(pairs ...string) (found Set) {
	for _, m := range s {
		fits := true
		for i := 0; i < len(pairs); i += 2 {
			fits = fits && m.Params[pairs[i]] == pairs[i+1]
		}
		if fits {
			found = append(found, m)
		}
	}
	return found
}

// Sample is all values of a name.
func (s Set) Sample(name string) (all testbed.Sample) {
	for _, m := range s {
		if v, ok := m.Values[name]; ok {
			all = append(all, v)
		}
	}
	return all
}

// Sum adds several values of each measurement that has them all.
func (s Set) Sum(names ...string) (all testbed.Sample) {
	for _, m := range s {
		sum, whole := 0.0, true
		for _, name := range names {
			v, ok := m.Values[name]
			sum, whole = sum+v, whole && ok
		}
		if whole {
			all = append(all, sum)
		}
	}
	return all
}

// Without are the reasons why there are no values, each once.
func (s Set) Without() (why []string) {
	for _, m := range s {
		if m.Without != "" && !slices.Contains(why, m.Without) {
			why = append(why, m.Without)
		}
	}
	return why
}

// Notes are those of the measurements, each once.
func (s Set) Notes() (notes []string) {
	for _, m := range s {
		if m.Note != "" && !slices.Contains(notes, m.Note) {
			notes = append(notes, m.Note)
		}
	}
	return notes
}

// Used counts the strategies that were chosen in place of the one asked for.
func (s Set) Used() map[string]int {
	counts := make(map[string]int)
	for _, m := range s {
		if m.Used != "" {
			counts[m.Used]++
		}
	}
	return counts
}

// Points pairs a parameter that is a number with a value.
func (s Set) Points(param, value string) (x, y testbed.Sample) {
	for _, m := range s {
		p, err := strconv.ParseFloat(m.Params[param], 64)
		if v, ok := m.Values[value]; ok && err == nil {
			x, y = append(x, p), append(y, v)
		}
	}
	return x, y
}

// All is all of a record's measurements.
func (r *Record) All() Set { return r.Measurements }

// Axis returns the values of an axis.
func (r *Record) Axis(name string) []string {
	for _, a := range r.Axes {
		if a.Name == name {
			return a.Values
		}
	}
	return nil
}
