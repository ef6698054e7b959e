package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"motile/migrate/image"
	"motile/servers/cmd/operate"
)

type statsCmd struct {
	Fields int    `help:"How many of the largest fields." default:"10" placeholder:"N"`
	What   string `arg:"" name:"what" help:"A checkpoint file, or the pid of a running process."`
}

// statistics is what takes how many bytes.
type statistics struct {
	Records []recordSize `json:"records"`
	Pages   pageCounts   `json:"pages"`
	Fields  []fieldSize  `json:"fields"`
	Bytes   int64        `json:"bytes"` // of the file, sealed; of a running process, its pages and image
}

type recordSize struct {
	Record string `json:"record"`
	Count  int    `json:"count"`
	Bytes  int64  `json:"bytes"`
}

// pageCounts are the pages that are in segments, and those that are as in files.
type pageCounts struct {
	Raw      int   `json:"raw"`
	Zero     int   `json:"zero"`
	LZ4      int   `json:"lz4"`
	LZ4Bytes int64 `json:"lz4_bytes"`
	File     int   `json:"file"`
}

type fieldSize struct {
	Field string `json:"field"`
	Bytes int    `json:"bytes"`
}

// Run counts.
func (cmd *statsCmd) Run(o *options) error {
	s, err := o.open(cmd.What)
	if err != nil {
		return err
	}
	defer s.close()
	u := &statistics{Records: []recordSize{}, Fields: []fieldSize{}}
	if err := u.countRecords(s); err != nil {
		return err
	}
	m, err := s.memoryMap()
	if err != nil {
		return err
	}
	u.Pages.File = m.Total.File
	slices.SortStableFunc(u.Fields, func(a, b fieldSize) int { return cmp.Compare(b.Bytes, a.Bytes) })
	u.Fields = u.Fields[:min(len(u.Fields), max(cmd.Fields, 0))]
	return o.tell(u)
}

func (u *statistics) countRecords(s *subject) error {
	if s.live == nil {
		u.Bytes = s.file.Stats.Bytes
		return s.file.Records(u.add)
	}
	records, err := image.Read(s.live.Image)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := u.add(r); err != nil {
			return err
		}
	}
	if err := s.load(); err != nil {
		return err
	}
	for _, page := range s.pages {
		if page == nil {
			u.Pages.Zero++
		} else {
			u.Pages.Raw++
		}
	}
	u.Bytes = int64(len(s.live.Image)) + int64(len(s.pages))*pageSize
	return nil
}

// add counts a record.
func (u *statistics) add(r image.Record) error {
	name := r.Type.String()
	i := slices.IndexFunc(u.Records, func(x recordSize) bool { return x.Record == name })
	if i < 0 {
		i = len(u.Records)
		u.Records = append(u.Records, recordSize{Record: name})
	}
	u.Records[i].Count++
	u.Records[i].Bytes += int64(len(r.Payload))
	switch r.Type {
	case image.TypeProcess:
		return u.addFields("process", r.Payload, reflect.TypeFor[image.Process]())
	case image.TypeObjects:
		u.Fields = append(u.Fields, fieldSize{"objects", len(r.Payload)})
	case image.TypeRPC:
		u.Fields = append(u.Fields, fieldSize{"rpc", len(r.Payload)})
	case image.TypePages:
		p, err := image.DecodePages(r.Payload)
		if err != nil {
			return err
		}
		switch n := int(p.Count); p.Encoding {
		case image.Raw:
			u.Pages.Raw += n
		case image.Zero:
			u.Pages.Zero += n
		case image.LZ4:
			u.Pages.LZ4 += n
			u.Pages.LZ4Bytes += int64(len(p.Data))
		}
	}
	return nil
}

// addFields counts the fields of a struct as it is encoded, by their names.
func (u *statistics) addFields(of string, payload []byte, t reflect.Type) error {
	var fields map[uint64]cbor.RawMessage
	if err := cbor.Unmarshal(payload, &fields); err != nil {
		return err
	}
	for i := range t.NumField() {
		number, _, _ := strings.Cut(t.Field(i).Tag.Get("cbor"), ",")
		var n uint64
		if _, err := fmt.Sscan(number, &n); err != nil {
			continue
		}
		if b, ok := fields[n]; ok {
			u.Fields = append(u.Fields, fieldSize{of + "." + t.Field(i).Name, len(b)})
			delete(fields, n)
		}
	}
	for n, b := range fields {
		u.Fields = append(u.Fields, fieldSize{fmt.Sprintf("%s.%d", of, n), len(b)})
	}
	slices.SortStableFunc(u.Fields, func(a, b fieldSize) int { return strings.Compare(a.Field, b.Field) })
	return nil
}

func (u *statistics) String() string {
	var b strings.Builder
	rows := [][]any{{"RECORD", "COUNT", "BYTES"}}
	for _, r := range u.Records {
		rows = append(rows, []any{r.Record, r.Count, r.Bytes})
	}
	rows = append(rows, []any{"in all", "", u.Bytes})
	_ = operate.PrintTable(&b, rows) // to memory
	p := u.Pages
	fmt.Fprintf(&b, "pages: %d raw, %d zero, %d lz4 (%s), %d as in files\n", p.Raw, p.Zero, p.LZ4, operate.Size(p.LZ4Bytes), p.File)
	rows = [][]any{{"FIELD", "BYTES"}}
	for _, f := range u.Fields {
		rows = append(rows, []any{f.Field, f.Bytes})
	}
	_ = operate.PrintTable(&b, rows)
	return b.String()
}
