package main

import (
	"fmt"
	"strings"

	"motile/servers/cmd/operate"
)

type memCmd struct {
	At   number `help:"Dump from this address on (0x… or decimal)." placeholder:"ADDR"`
	Len  number `help:"How many bytes of it (with --at; default: 256)." default:"256" placeholder:"N"`
	What string `arg:"" name:"what" help:"A checkpoint file, or the pid of a running process."`
}

// number is one on a command line, in any base.
type number uint64

// UnmarshalText reads one.
func (n *number) UnmarshalText(text []byte) error {
	var v uint64
	if k, err := fmt.Sscanf(string(text)+"\n", "%v\n", &v); k != 1 || err != nil {
		return fmt.Errorf("%q is no number: want 0x… or digits", text)
	}
	*n = number(v)
	return nil
}

// mostDumped bounds a dump, which is in memory.
const mostDumped = 64 << 20

// Run dumps memory, or maps it.
func (cmd *memCmd) Run(o *options) error {
	if cmd.Len == 0 || cmd.Len > mostDumped {
		return fmt.Errorf("--len %d: want 1 to %d", cmd.Len, mostDumped)
	}
	s, err := o.open(cmd.What)
	if err != nil {
		return err
	}
	defer s.close()
	if cmd.At != 0 {
		d := &dump{Addr: uint64(cmd.At), Data: make([]byte, cmd.Len)}
		n, err := s.read(d.Data, d.Addr)
		if n == 0 {
			return err
		}
		d.Data = d.Data[:n]
		if err := o.tell(d); err != nil {
			return err
		}
		return err // what could be read has been shown
	}
	m, err := s.memoryMap()
	if err != nil {
		return err
	}
	return o.tell(m)
}

// dump is some memory.
type dump struct {
	Addr uint64 `json:"addr"`
	Data []byte `json:"data"`
}

func (d *dump) String() string {
	var b strings.Builder
	const width = 16
	for i := 0; i < len(d.Data); i += width {
		line := d.Data[i:min(i+width, len(d.Data))]
		text := make([]byte, len(line))
		for k, c := range line {
			text[k] = '.'
			if c >= ' ' && c <= '~' {
				text[k] = c
			}
		}
		fmt.Fprintf(&b, "%012x  %-47s  %s\n", d.Addr+uint64(i), fmt.Sprintf("% x", line), text)
	}
	return b.String()
}

// memoryMap is what memory the process has.
type memoryMap struct {
	Regions []mappedRegion `json:"regions"`
	Total   mappedRegion   `json:"total"`
}

// mappedRegion is one, with its pages by what they are.
type mappedRegion struct {
	operate.SegmentDump
	Resident int `json:"resident_pages"` // in the checkpoint, with something in them
	Zero     int `json:"zero_pages"`
	File     int `json:"file_pages"` // as in the file
}

func (s *subject) memoryMap() (*memoryMap, error) {
	if err := s.load(); err != nil {
		return nil, err
	}
	m := &memoryMap{Regions: []mappedRegion{}}
	for i, d := range operate.NewDump(s.Descriptor).Segments {
		r, x := &s.Process.Regions[i], mappedRegion{SegmentDump: d}
		rest := int((r.End - r.Start) / pageSize)
		s.eachPresent(r, func(_ uint64, page []byte) {
			rest--
			if page == nil {
				x.Zero++
			} else {
				x.Resident++
			}
		})
		if r.Store >= 0 && len(s.Process.Stores[r.Store].Digest) > 0 {
			x.File += rest
		} else {
			x.Zero += rest
		}
		m.Regions = append(m.Regions, x)
		m.Total.Resident, m.Total.Zero, m.Total.File = m.Total.Resident+x.Resident, m.Total.Zero+x.Zero, m.Total.File+x.File
	}
	return m, nil
}

func (m *memoryMap) String() string {
	var b strings.Builder
	rows := [][]any{{"START", "END", "PROT", "RESIDENT", "ZERO", "FILE", "OF"}}
	for _, r := range m.Regions {
		rows = append(rows, []any{fmt.Sprintf("%#x", r.Start), fmt.Sprintf("%#x", r.End), r.Prot, r.Resident, r.Zero, r.File, r.Of})
	}
	rows = append(rows, []any{"", "", "", m.Total.Resident, m.Total.Zero, m.Total.File, "pages in all"})
	if err := operate.PrintTable(&b, rows); err != nil {
		return err.Error()
	}
	return b.String()
}
