package profile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"motile/proc/api"
)

// Recorder collects the samples of one node.
type Recorder struct {
	symbols *symbols
	period  time.Duration
	began   time.Time

	stacks   map[string]*stack
	order    []*stack // as they were first seen, so that the same samples make the same file
	commands map[int32]string

	Samples, Idle, Dropped uint64
}

// stack is a place where the CPU was found, so many times.
type stack struct {
	sample api.ProfileSample
	count  int64
}

// New returns a recorder of samples that are taken every period from a node that runs a
// kernel.
func New(kernel string, period time.Duration) (*Recorder, error) {
	s, err := readSymbols(kernel)
	if err != nil {
		return nil, err
	}
	return &Recorder{symbols: s, period: period, began: time.Now(), stacks: make(map[string]*stack), commands: make(map[int32]string)}, nil
}

// Take adds samples.
func (r *Recorder) Take(p *api.ProfileReply) {
	r.Idle += p.Idle
	r.Dropped += p.Dropped
	r.Samples += uint64(len(p.Samples))
	for _, s := range p.Samples {
		key := binary.BigEndian.AppendUint32(nil, uint32(s.PID))
		for _, a := range s.Addresses {
			key = binary.BigEndian.AppendUint64(key, a)
		}
		k := r.stacks[string(key)]
		if k == nil {
			k = &stack{sample: s}
			r.stacks[string(key)] = k
			r.order = append(r.order, k)
		}
		k.count++
	}
	for pid, command := range p.Commands {
		r.commands[pid] = command
	}
}

// Write writes the profile: protocol buffers, compressed, the format of pprof's
// proto/profile.proto.
func (r *Recorder) Write(w io.Writer) error { return r.profile().Write(w) }

// Top prints the functions in which most samples were, innermost ones only.
func (r *Recorder) Top(w io.Writer, most int) {
	counts := make(map[string]int64)
	for _, s := range r.profile().Sample {
		counts[s.Location[0].Line[0].Function.Name] += s.Value[0]
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	fmt.Fprintf(w, "profile %d samples, %d idle, %d dropped\n", r.Samples, r.Idle, r.Dropped)
	for _, name := range names[:min(len(names), most)] {
		fmt.Fprintf(w, "profile %6d %s\n", counts[name], name)
	}
}

// builder makes one.
type builder struct {
	r         *Recorder
	p         *profile.Profile
	kernel    *profile.Mapping
	functions map[string]*profile.Function
	locations map[place]*profile.Location
	programs  map[string]*profile.Mapping
}

// place is an address in the kernel, or in a program.
type place struct {
	program string
	address uint64
}

func (r *Recorder) profile() *profile.Profile {
	kernel := &profile.Mapping{ID: 1, Start: r.symbols.mapped, Limit: r.symbols.end, Offset: r.symbols.offset, File: r.symbols.path,
		HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true}
	b := &builder{r: r, kernel: kernel, functions: make(map[string]*profile.Function),
		locations: make(map[place]*profile.Location), programs: make(map[string]*profile.Mapping)}
	b.p = &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"},
		Period:     int64(r.period), TimeNanos: r.began.UnixNano(), DurationNanos: int64(time.Since(r.began)),
		DefaultSampleType: "cpu",
		Mapping:           []*profile.Mapping{kernel},
		Comments: []string{fmt.Sprintf("%d samples besides found the CPU idle; %d were dropped for lack of room", r.Idle, r.Dropped),
			"time is the virtual machine's, as its LAPIC timer counts it"},
	}
	for _, k := range r.order {
		b.add(k)
	}
	return b.p
}

func (b *builder) add(k *stack) {
	s := &profile.Sample{Value: []int64{k.count, k.count * int64(b.r.period)}}
	if pid := k.sample.PID; pid != 0 {
		command := cmp.Or(b.r.commands[pid], "(ended)") // before anybody asked who it was
		s.Label = map[string][]string{"pid": {strconv.Itoa(int(pid))}, "command": {command}}
		s.Location = []*profile.Location{b.userLocation(command, k.sample.Addresses[0])}
	} else {
		for i, a := range k.sample.Addresses {
			if i > 0 {
				a-- // it is where a call returns to: the call is before that
			}
			s.Location = append(s.Location, b.kernelLocation(a))
		}
	}
	b.p.Sample = append(b.p.Sample, s)
}

func (b *builder) kernelLocation(address uint64) *profile.Location {
	l, isNew := b.location(place{"", address}, b.kernel)
	if isNew {
		for _, f := range b.r.symbols.at(address) {
			l.Line = append(l.Line, profile.Line{Function: b.function(f), Line: int64(f.line)})
		}
	}
	return l
}

// userLocation is a place in a program, of which only the address is known: it counts as one
// function, with the program's name.
func (b *builder) userLocation(command string, address uint64) *profile.Location {
	file, _, _ := strings.Cut(command, " ")
	m := b.programs[file]
	if m == nil {
		m = &profile.Mapping{ID: uint64(len(b.p.Mapping) + 1), Limit: 1 << 47, File: file, HasFunctions: true}
		b.programs[file] = m
		b.p.Mapping = append(b.p.Mapping, m)
	}
	l, isNew := b.location(place{file, address}, m)
	if isNew {
		l.Line = []profile.Line{{Function: b.function(frame{name: "[user mode] " + path.Base(file), file: file})}}
	}
	return l
}

func (b *builder) location(at place, m *profile.Mapping) (l *profile.Location, isNew bool) {
	if l = b.locations[at]; l != nil {
		return l, false
	}
	l = &profile.Location{ID: uint64(len(b.p.Location) + 1), Mapping: m, Address: at.address}
	b.locations[at] = l
	b.p.Location = append(b.p.Location, l)
	return l, true
}

// function is the one that f is in. Where it begins is for the Go compiler, whose
// profile-guided optimization knows calls by their distance from there.
func (b *builder) function(f frame) *profile.Function {
	known := b.functions[f.name]
	if known == nil {
		known = &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: f.name, SystemName: f.name, Filename: f.file, StartLine: int64(f.start)}
		b.functions[f.name] = known
		b.p.Function = append(b.p.Function, known)
	}
	return known
}
