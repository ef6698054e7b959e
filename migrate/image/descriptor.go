package image

import (
	"errors"
	"fmt"
)

// Descriptor is a process descriptor, as Amoeba calls it: an image taken apart, without
// pages and files.
type Descriptor struct {
	Process  *Process
	Objects  []Object
	RPC      []byte   // sealed
	Lineage  *Lineage // nil in a move's image
	Segments Segments

	records []Record
}

// RecordError is what is wrong with a record.
type RecordError struct {
	Type Type
	Err  error
}

func (e *RecordError) Error() string { return fmt.Sprintf("image: %v record: %v", e.Type, e.Err) }

func (e *RecordError) Unwrap() error { return e.Err }

var (
	errTwice   = errors.New("is there twice")
	errMissing = errors.New("is missing")
)

// Describe makes a descriptor of the metadata records of an image, and checks it. What
// else there is may be among them.
func Describe(records []Record) (*Descriptor, error) {
	d := &Descriptor{records: records}
	var seen [typeLast + 1]bool
	for _, r := range records {
		if r.Type > TypeSegments {
			continue
		}
		err := errTwice
		if !seen[r.Type] {
			seen[r.Type] = true
			err = d.take(r)
		}
		if err != nil {
			return nil, &RecordError{r.Type, err}
		}
	}
	for _, t := range []Type{TypeProcess, TypeObjects, TypeRPC} {
		if !seen[t] {
			return nil, &RecordError{t, errMissing}
		}
	}
	if seen[TypeLineage] != seen[TypeSegments] {
		return nil, &RecordError{TypeLineage, errors.New("and segments record are there together, or neither is")}
	}
	if err := d.Process.Check(d.Objects); err != nil {
		return nil, &RecordError{TypeProcess, err}
	}
	if d.Lineage != nil {
		if err := d.Lineage.Check(); err != nil {
			return nil, &RecordError{TypeLineage, err}
		}
	}
	if err := d.Segments.Check(d.Process); err != nil {
		return nil, &RecordError{TypeSegments, err}
	}
	return d, nil
}

// take decodes a metadata record.
func (d *Descriptor) take(r Record) error {
	switch r.Type {
	case TypeProcess:
		d.Process = new(Process)
		return decoder.Unmarshal(r.Payload, d.Process)
	case TypeObjects:
		return decoder.Unmarshal(r.Payload, &d.Objects)
	case TypeRPC:
		d.RPC = r.Payload
	case TypeLineage:
		d.Lineage = new(Lineage)
		return decoder.Unmarshal(r.Payload, d.Lineage)
	case TypeSegments:
		return decoder.Unmarshal(r.Payload, &d.Segments)
	}
	return nil
}

// Records are those the descriptor was made of, with other segments in place of its own.
func (d *Descriptor) Records(segments Segments) ([]Record, error) {
	payload, err := Marshal(segments)
	if err != nil {
		return nil, err
	}
	out := make([]Record, 0, len(d.records))
	for _, r := range d.records {
		if r.Type == TypeSegments {
			r.Payload = payload
		}
		out = append(out, r)
	}
	return out, nil
}

// Encode is the image with other segments in place of its own.
func (d *Descriptor) Encode(segments Segments) ([]byte, error) {
	records, err := d.Records(segments)
	if err != nil {
		return nil, err
	}
	w := NewWriter()
	for _, r := range records {
		w.Add(r)
	}
	return w.Bytes(), nil
}

// Cursor follows the pages records of an image, which come in order and have each page
// of the segments once.
type Cursor struct {
	segments Segments
	segment  int // what comes next: a page of a run of a segment
	run      int
	page     uint64
	begun    bool // the run has; page is meaningful
}

// NewCursor is at the first page of checked segments.
func NewCursor(s Segments) *Cursor { return &Cursor{segments: s} }

// next finds the first page that is to come.
func (c *Cursor) next() (runEnd uint64, more bool) {
	for ; c.segment < len(c.segments); c.segment, c.run = c.segment+1, 0 {
		runs := c.segments[c.segment].Runs
		for ; c.run < len(runs); c.run, c.begun = c.run+2, false {
			if !c.begun {
				c.page, c.begun = runs[c.run], true
			}
			if end := runs[c.run] + runs[c.run+1]; c.page < end {
				return end, true
			}
		}
	}
	return 0, false
}

// Take goes past pages, if they are the next ones.
func (c *Cursor) Take(p *Pages) error {
	end, more := c.next()
	switch {
	case !more:
		return &RecordError{TypePages, fmt.Errorf("pages of segment %d behind the last", p.Segment)}
	case uint64(p.Segment) != uint64(c.segment) || p.First != c.page || uint64(p.Count) > end-c.page:
		return &RecordError{TypePages, fmt.Errorf("%d pages from %d of segment %d, where page %d of segment %d is the next, to %d",
			p.Count, p.First, p.Segment, c.page, c.segment, end)}
	}
	c.page += uint64(p.Count)
	return nil
}

// Done reports pages that have not come.
func (c *Cursor) Done() error {
	if _, more := c.next(); more {
		return &RecordError{TypePages, fmt.Errorf("page %d of segment %d is missing", c.page, c.segment)}
	}
	return nil
}
