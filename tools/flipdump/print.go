package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"motile/tools/dissect"
)

// printer is a way to show frames.
type printer interface {
	print(f *dissect.Frame) error
	end() error
}

func (o *options) printer(w io.Writer) printer {
	switch {
	case o.JSON:
		return &jsonPrinter{json.NewEncoder(w)}
	case o.Stats:
		return &statistics{w: w, frames: map[string]int{}, bytes: map[string]int{}}
	}
	return &lines{w: w}
}

// lines is a line a frame.
type lines struct {
	w     io.Writer
	began time.Time
}

func (l *lines) print(f *dissect.Frame) error {
	if l.began.IsZero() {
		l.began = f.At
	}
	var marks []string
	if f.Lost {
		marks = append(marks, "(lost)")
	}
	switch {
	case f.Passed:
		marks = append(marks, "(passed on)")
	case f.Again:
		marks = append(marks, "(again)")
	}
	if f.Bad != "" {
		marks = append(marks, "NOT DECODED: "+f.Bad)
	}
	what := "OTHER"
	if f.FLIP {
		what = fmt.Sprintf("%-9s %s > %s #%08x", f.Header.Type, f.Src, f.Dst, uint32(f.Header.MessID))
	}
	stations := f.From + ">" + f.To
	text := strings.Join(append([]string{what, f.Text}, marks...), " ")
	if _, err := fmt.Fprintf(l.w, "%5d %12.6f %-8s %s\n", f.Nr, f.At.Sub(l.began).Seconds(), stations, strings.Join(strings.Fields(text), " ")); err != nil {
		return err
	}
	for _, n := range f.Notes {
		if _, err := fmt.Fprintf(l.w, "# %s\n", n); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) end() error { return nil }

// record is a frame in JSON.
type record struct {
	Nr        int              `json:"nr"`
	Time      time.Time        `json:"time"`
	Interface string           `json:"interface,omitempty"`
	Len       int              `json:"len"`
	From      string           `json:"from"`
	To        string           `json:"to"`
	Lost      bool             `json:"lost,omitempty"`
	FLIP      *header          `json:"flip,omitempty"`
	Again     bool             `json:"again,omitempty"`
	Passed    bool             `json:"passed,omitempty"`
	Message   *dissect.Message `json:"message,omitempty"`
	Text      string           `json:"text,omitempty"`
	Move      *moveRecord      `json:"move,omitempty"`
	Notes     []string         `json:"notes,omitempty"`
	Bad       string           `json:"not_decoded,omitempty"`
}

type header struct {
	Type    string `json:"type"`
	Flags   uint8  `json:"flags"`
	Proto   uint8  `json:"proto"`
	ActHop  uint8  `json:"act_hop"`
	MaxHop  uint8  `json:"max_hop"`
	MTU     uint16 `json:"mtu"`
	Src     string `json:"src"`
	Dst     string `json:"dst"`
	SrcName string `json:"src_name"`
	DstName string `json:"dst_name"`
	MessID  uint64 `json:"messid"`
	Length  uint32 `json:"length"`
	Offset  uint32 `json:"offset"`
	Total   uint32 `json:"total"`
	Epoch   uint32 `json:"epoch"`
}

type moveRecord struct {
	Boot   string `json:"boot"`
	Nr     uint64 `json:"nr"`
	PID    int32  `json:"pid,omitempty"`
	Source int    `json:"source"`
	Target int    `json:"target"`
}

// jsonPrinter is an object a line.
type jsonPrinter struct{ e *json.Encoder }

func (j *jsonPrinter) print(f *dissect.Frame) error {
	r := record{Nr: f.Nr, Time: f.At, Interface: f.Interface, Len: f.Len, From: f.From, To: f.To, Lost: f.Lost,
		Again: f.Again, Passed: f.Passed, Message: f.Message, Text: f.Text, Notes: f.Notes, Bad: f.Bad}
	if h := &f.Header; f.FLIP {
		r.FLIP = &header{h.Type.String(), h.Flags, h.Proto, h.ActHop, h.MaxHop, h.MTU, fmt.Sprintf("%x", h.Src), fmt.Sprintf("%x", h.Dst),
			f.Src, f.Dst, h.MessID, h.Length, h.Offset, h.Total, h.Epoch}
	}
	if m := f.Move; m != nil {
		r.Move = &moveRecord{fmt.Sprintf("%x", m.ID.Boot), m.ID.Nr, m.PID, m.Source, m.Target}
	}
	return j.e.Encode(r)
}

func (j *jsonPrinter) end() error { return nil }

// statistics counts.
type statistics struct {
	w      io.Writer
	frames map[string]int // by what they are
	bytes  map[string]int
}

func (s *statistics) print(f *dissect.Frame) error {
	what := strings.Join(typesOf(f), " ")
	switch {
	case f.Bad != "":
		what = "not decoded"
	case f.Lost:
		what = "(lost)"
	case !f.FLIP:
		what = f.Text
	}
	s.frames[what]++
	s.bytes[what] += f.Len
	return nil
}

func (s *statistics) end() error {
	kinds := make([]string, 0, len(s.frames))
	frames, bytes := 0, 0
	for k := range s.frames {
		kinds = append(kinds, k)
		frames, bytes = frames+s.frames[k], bytes+s.bytes[k]
	}
	sort.Strings(kinds)
	fmt.Fprintf(s.w, "%9s %12s\n", "FRAMES", "BYTES")
	for _, k := range kinds {
		fmt.Fprintf(s.w, "%9d %12d  %s\n", s.frames[k], s.bytes[k], k)
	}
	_, err := fmt.Fprintf(s.w, "%9d %12d  in all; %d not decoded\n", frames, bytes, s.frames["not decoded"])
	return err
}
