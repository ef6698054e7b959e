package movetrace

import (
	"encoding/json"
	"io"
)

// The trace event format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

// file is a trace.
type file struct {
	Unit   string         `json:"displayTimeUnit"`
	Other  map[string]any `json:"otherData"`
	Events []event        `json:"traceEvents"`
}

// event is one line of it.
type event struct {
	Name  string         `json:"name"`
	Cat   string         `json:"cat,omitempty"`
	Phase string         `json:"ph"` // X: from Ts on for Dur; i: an instant; s, f: ends of an arrow; M: a name
	Ts    micros         `json:"ts"`
	Dur   *micros        `json:"dur,omitempty"`
	Node  int            `json:"pid"`
	Track int            `json:"tid"`
	ID    int            `json:"id,omitempty"` // of an arrow
	Bind  string         `json:"bp,omitempty"` // e: an arrow ends at the slice around it, not at the next one
	Scope string         `json:"s,omitempty"`  // of an instant; t: its track
	Args  map[string]any `json:"args,omitempty"`
}

// micros is a time in ns, written in µs.
type micros int64

// MarshalJSON implements json.Marshaler.
func (m micros) MarshalJSON() ([]byte, error) { return json.Marshal(float64(m) / 1000) }

func (f *file) write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(f)
}
