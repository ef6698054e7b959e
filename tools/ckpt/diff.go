package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"motile/migrate/image"
	"motile/servers/cmd/operate"
)

type diffCmd struct {
	Only []string `help:"Only these: threads, fds, regions, mem." enum:"threads,fds,regions,mem" placeholder:"KIND"`
	A    string   `arg:"" name:"a" help:"A checkpoint file, or the pid of a running process."`
	B    string   `arg:"" name:"b" help:"Another, of the same process or of one made of it."`
}

// difference is what has become of A in B.
type difference struct {
	Threads []change    `json:"threads,omitempty"`
	FDs     []change    `json:"fds,omitempty"`
	Regions []change    `json:"regions,omitempty"`
	Mem     *memoryDiff `json:"mem,omitempty"`
}

// change is a thing that is not the same; what A or B lacks is empty.
type change struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// memoryDiff is the pages that are not the same.
type memoryDiff struct {
	Changed int    `json:"changed_pages"`
	New     int    `json:"new_pages"`  // where A has nothing mapped
	Gone    int    `json:"gone_pages"` // where B has not
	Same    int    `json:"same_pages"`
	Unknown int    `json:"unknown_pages"` // of a file that is not there, in one of them
	Ranges  []span `json:"ranges"`        // of changed pages
}

// span is a run of pages.
type span struct {
	Start uint64 `json:"start"`
	End   uint64 `json:"end"`
	Of    string `json:"of"`
}

// Run compares.
func (cmd *diffCmd) Run(o *options) error {
	a, err := o.open(cmd.A)
	if err != nil {
		return err
	}
	defer a.close()
	b, err := o.open(cmd.B)
	if err != nil {
		return err
	}
	defer b.close()
	wanted := func(kind string) bool { return len(cmd.Only) == 0 || slices.Contains(cmd.Only, kind) }
	d := &difference{}
	ua, ub := operate.NewDump(a.Descriptor), operate.NewDump(b.Descriptor)
	if wanted("threads") {
		d.Threads = compare(threadTexts(a, ua), threadTexts(b, ub))
	}
	if wanted("fds") {
		d.FDs = compare(fdTexts(ua), fdTexts(ub))
	}
	if wanted("regions") {
		d.Regions = compare(regionTexts(ua), regionTexts(ub))
	}
	if wanted("mem") {
		if d.Mem, err = compareMemory(a, b); err != nil {
			return err
		}
	}
	return o.tell(d)
}

// key orders things by number, and names them.
type key struct {
	n    uint64
	name string
}

// compare lists what is not the same.
func compare(a, b map[key]string) (list []change) {
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y key) int {
		return cmp.Or(cmp.Compare(x.n, y.n), strings.Compare(x.name, y.name))
	})
	for _, k := range keys {
		if a[k] != b[k] {
			list = append(list, change{k.name, a[k], b[k]})
		}
	}
	return list
}

// threadTexts goes by index: a copy has other ids.
func threadTexts(s *subject, u *operate.Dump) map[key]string {
	texts := make(map[key]string)
	for i, t := range u.Threads {
		index, call := s.Process.Threads[i].Index, t.Call
		if call == "" {
			call = "runs"
		}
		texts[key{uint64(index), fmt.Sprintf("thread %d", index)}] = fmt.Sprintf("at %#x, stack %#x: %s", t.IP, t.SP, call)
		for k, name := range registerNames {
			if k != regIP && k != regSP {
				texts[key{uint64(index), fmt.Sprintf("thread %d %s", index, name)}] = fmt.Sprintf("%#x", s.Process.Threads[i].Regs[k])
			}
		}
	}
	return texts
}

func fdTexts(u *operate.Dump) map[key]string {
	texts := make(map[key]string)
	for _, f := range u.FDs {
		texts[key{uint64(f.FD), fmt.Sprintf("fd %d", f.FD)}] = f.What
	}
	return texts
}

func regionTexts(u *operate.Dump) map[key]string {
	texts := make(map[key]string)
	for _, r := range u.Segments {
		texts[key{r.Start, fmt.Sprintf("%#x", r.Start)}] = fmt.Sprintf("to %#x %s %s", r.End, r.Prot, r.Of)
	}
	return texts
}

// compareMemory compares the pages at the same addresses. Those that both have of the
// same file, and have not written, are the same.
func compareMemory(a, b *subject) (*memoryDiff, error) {
	for _, s := range []*subject{a, b} {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	addrs := make(map[uint64]bool) // pages that one of them has for itself
	for _, s := range []*subject{a, b} {
		for i := range s.Process.Regions {
			s.eachPresent(&s.Process.Regions[i], func(addr uint64, _ []byte) { addrs[addr] = true })
		}
	}
	d := &memoryDiff{Ranges: []span{}}
	for _, addr := range slices.Sorted(maps.Keys(addrs)) {
		ra, rb := a.region(addr), b.region(addr)
		switch {
		case ra == nil:
			d.New++
			continue
		case rb == nil:
			d.Gone++
			continue
		}
		pa, _, errA := a.pageAt(addr)
		pb, _, errB := b.pageAt(addr)
		switch {
		case errA != nil || errB != nil:
			d.Unknown++
		case bytes.Equal(pa, pb) || pa == nil && isZero(pb) || pb == nil && isZero(pa):
			d.Same++
		default:
			d.Changed++
			d.extend(addr, b, rb)
		}
	}
	return d, nil
}

// extend enters a changed page.
func (d *memoryDiff) extend(addr uint64, s *subject, r *image.Region) {
	if n := len(d.Ranges); n > 0 && d.Ranges[n-1].End == addr && addr != r.Start {
		d.Ranges[n-1].End += pageSize
		return
	}
	of := ""
	for _, u := range operate.NewDump(s.Descriptor).Segments {
		if u.Start == r.Start {
			of = u.Of
		}
	}
	d.Ranges = append(d.Ranges, span{addr, addr + pageSize, of})
}

func (d *difference) String() string {
	var b strings.Builder
	for _, list := range [][]change{d.Threads, d.FDs, d.Regions} {
		for _, c := range list {
			switch {
			case c.A == "":
				fmt.Fprintf(&b, "+ %s: %s\n", c.What, c.B)
			case c.B == "":
				fmt.Fprintf(&b, "- %s: %s\n", c.What, c.A)
			default:
				fmt.Fprintf(&b, "  %s: %s -> %s\n", c.What, c.A, c.B)
			}
		}
	}
	if m := d.Mem; m != nil {
		fmt.Fprintf(&b, "pages: %d changed, %d new, %d gone, %d the same", m.Changed, m.New, m.Gone, m.Same)
		if m.Unknown > 0 {
			fmt.Fprintf(&b, ", %d of files that are not there (--exe)", m.Unknown)
		}
		b.WriteByte('\n')
		for _, r := range m.Ranges {
			fmt.Fprintf(&b, "  %#x-%#x %d pages of %s\n", r.Start, r.End, (r.End-r.Start)/pageSize, r.Of)
		}
	}
	if b.Len() == 0 {
		return "no difference\n"
	}
	return b.String()
}
