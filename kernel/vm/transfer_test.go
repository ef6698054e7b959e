package vm_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"motile/kernel/hw"
	"motile/kernel/vm"
)

// kind is what a page is, as migration sees it.
type kind int

const (
	none  kind = iota
	clean      // private, as it came
	dirty      // private, written since
	file       // of a Store
	gone       // away
)

// tables is pages of three page tables, the second of which they fill, and what is known of each.
type tables struct {
	*rapid.T
	s     *vm.Space
	pages [tablePages]kind
}

const (
	tablePages = 40 + 512 + 30
	tableBase  = 3<<21 - 40*page
)

func at(i int) uint64 { return tableBase + uint64(i)*page }

// TestTransfer_Model compares what is said of runs of pages with what is known of each page.
func TestTransfer_Model(t *testing.T) {
	initMemory()
	rapid.Check(t, func(t *rapid.T) {
		free := hw.Stats().Free
		st := vm.NewStore()
		st.SetSize(tablePages * page)
		m := &tables{T: t, s: vm.New()}
		defer func() {
			releaseAll(m.s)
			if lost := int64(free - hw.Stats().Free); lost != 0 {
				t.Errorf("%d frames are lost", lost)
			}
		}()
		if _, errno := m.s.Map(tableBase, tablePages*page, vm.Region{Prot: vm.ProtRead | vm.ProtWrite, Store: st}, true); errno != 0 {
			t.Fatal(errno)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":       func(*rapid.T) { m.compare() },
			"make":   m.make,
			"leave":  m.leave,
			"runs":   m.runs,
			"settle": m.settle,
		})
	})
}

// stretch is some pages, [from, to).
func (m *tables) stretch(t *rapid.T) (from, to int) {
	from = rapid.IntRange(0, tablePages-1).Draw(t, "from")
	n := rapid.OneOf(rapid.IntRange(1, 4), rapid.IntRange(1, tablePages)).Draw(t, "pages")
	return from, min(from+n, tablePages)
}

func (m *tables) make(t *rapid.T) {
	from, to := m.stretch(t)
	k := kind(rapid.IntRange(0, int(gone)-1).Draw(t, "kind"))
	m.s.Discard(at(from), at(to)-at(from))
	for i := from; i < to; i++ {
		m.pages[i] = k
		switch k {
		case clean:
			clear(m.s.Install(at(i))[:])
		case dirty:
			m.s.CopyOut(at(i), []byte{1})
		case file:
			m.s.Touch(at(i), vm.ProtRead)
		}
	}
	for i, k := range m.pages {
		if k == none { // a fault at a file maps others of it
			m.s.Discard(at(i), page)
		}
	}
}

func (m *tables) leave(t *rapid.T) {
	from, to := m.stretch(t)
	fits := true
	for i := from; fits && i < to; i++ {
		if fits = m.pages[i] == none; fits {
			m.pages[i] = gone
		}
	}
	if m.s.SetAwayRun(vm.Run{Addr: at(from), Pages: to - from}, origin(from)) != fits {
		t.Fatalf("pages %d to %d can be away: %v", from, to, !fits)
	}
}

// origin is that of a page.
func origin(i int) uint64 { return 1<<40 + at(i) }

func (m *tables) runs(t *rapid.T) {
	from, to := m.stretch(t)
	unwritten := rapid.Bool().Draw(t, "clean")
	n := 0
	for i := from; i < to && (m.pages[i] == clean || m.pages[i] == dirty && !unwritten); i++ {
		n++
	}
	if r := m.s.RunFrom(at(from), at(to), unwritten); r.Addr != at(from) || r.Pages != n || r.End() != at(from+n) {
		t.Fatalf("the run at page %d has %d pages, want %d", from, r.Pages, n)
	}
}

// settle is for the time before pages of files are mapped.
func (m *tables) settle(t *rapid.T) {
	if slices.Contains(m.pages[:], file) {
		return
	}
	if !m.s.Settle() {
		t.Fatal("a page lies in no region")
	}
	for i, k := range m.pages {
		if k == dirty {
			m.pages[i] = clean
		}
	}
}

// compare looks at all pages one by one.
func (m *tables) compare() {
	var refs [7]vm.PageRef
	var seen [tablePages]kind
	for from, more := uint64(0), true; more; {
		n, next := m.s.PagesFrom(from, refs[:])
		for _, r := range refs[:n] {
			k := &seen[(r.Addr-tableBase)/page]
			switch {
			case r.Store:
				*k = file
			case r.Dirty:
				*k = dirty
			default:
				*k = clean
			}
		}
		from, more = next, next != 0
	}
	n := 0
	for addr, from, ok := m.s.AwayFrom(0); ok; addr, from, ok = m.s.AwayFrom(addr + page) {
		i := int(addr-tableBase) / page
		if seen[i] = gone; from != origin(i) {
			m.Fatalf("page %d is from %#x", i, from)
		}
		n++
	}
	if seen != m.pages || n != m.s.Away() {
		m.Fatalf("there are pages %v, %d of them away; want %v", seen, m.s.Away(), m.pages)
	}
}

// A page that is here or away lies in a region, and that is private.
func TestSettle_Regions(t *testing.T) {
	for name, c := range map[string]struct {
		make func(s *vm.Space, addr uint64)
		addr uint64
		want bool
	}{
		"a page of the last region":  {func(s *vm.Space, a uint64) { s.Install(a) }, at(513), true},
		"a page between regions":     {func(s *vm.Space, a uint64) { s.Install(a) }, at(512), false},
		"one that is away":           {func(s *vm.Space, a uint64) { s.SetAway(a, a) }, at(512), false},
		"a page behind all regions":  {func(s *vm.Space, a uint64) { s.Install(a) }, at(1 << 20), false},
		"a page of shared memory":    {func(s *vm.Space, a uint64) { s.Install(a) }, at(600), false},
		"one of it that is away":     {func(s *vm.Space, a uint64) { s.SetAway(a, a) }, at(601), false},
		"a page before all, far off": {func(s *vm.Space, a uint64) { s.Install(a) }, base, false},
	} {
		initMemory()
		free := hw.Stats().Free
		s := vm.New()
		st := vm.NewStore()
		st.SetSize(4 * page)
		s.Place(at(0), at(512), vm.Region{Prot: vm.ProtRead})
		s.Place(at(513), at(600), vm.Region{Prot: vm.ProtRead})
		s.Place(at(600), at(604), vm.Region{Prot: vm.ProtRead, Shared: true, Store: st})
		s.SetAwayRun(vm.Run{Addr: at(100), Pages: 300}, at(100))
		if c.make(s, c.addr); s.Settle() != c.want {
			t.Errorf("%s: settled %v", name, !c.want)
		}
		releaseAll(s)
		if lost := int64(free - hw.Stats().Free); lost != 0 {
			t.Errorf("%s: %d frames are lost", name, lost)
		}
	}
}
