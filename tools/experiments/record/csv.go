package record

import (
	"bytes"
	"encoding/csv"
	"maps"
	"slices"
	"strconv"
)

// CSV has a column for each parameter, in the order of the axes, and for each value.
func (r *Record) CSV() []byte {
	var params []string
	for _, a := range r.Axes {
		params = append(params, a.Name)
	}
	names := make(map[string]bool)
	for _, m := range r.Measurements {
		for name := range m.Values {
			names[name] = true
		}
	}
	values := slices.Sorted(maps.Keys(names))
	var b bytes.Buffer
	w := csv.NewWriter(&b) // into memory: it does not fail
	_ = w.Write(slices.Concat([]string{"run"}, params, values, []string{"without", "used", "note"}))
	for _, m := range r.Measurements {
		row := []string{strconv.Itoa(m.Run)}
		for _, name := range params {
			row = append(row, m.Params[name])
		}
		for _, name := range values {
			cell := ""
			if v, ok := m.Values[name]; ok {
				cell = strconv.FormatFloat(v, 'g', -1, 64)
			}
			row = append(row, cell)
		}
		_ = w.Write(append(row, m.Without, m.Used, m.Note))
	}
	w.Flush()
	return b.Bytes()
}
